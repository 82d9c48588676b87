import { Context } from '@temporalio/activity';
import type { EraseHeartbeat } from '../../contracts/purge/process.js';

/** Seconds that the rate is averaged over. */
const OVER = 10;
const BEAT_MS = 2_000;

export type Counts = Omit<EraseHeartbeat, 'rate' | 'targets'>;

/** What an activity of a purge has done so far. Counts only: a heartbeat may enter history. */
export class Tally {
  versions = 0;
  markers = 0;
  uploads = 0;
  bytes = 0;
  keys = 0;
  pages = 0;
  /** Targets that were looked at. */
  targets = 0;
  /** What earlier tries erased at least. */
  base: Counts = { versions: 0, markers: 0, uploads: 0, bytes: 0, keys: 0 };
  readonly #samples: { readonly at: number; readonly entries: number }[] = [];

  /** What it holds now, to return to. */
  mark(): Counts {
    const { versions, markers, uploads, bytes, keys } = this;
    return { versions, markers, uploads, bytes, keys };
  }

  restore(counts: Counts): void {
    Object.assign(this, counts);
  }

  get entries(): number {
    return this.versions + this.markers + this.uploads;
  }

  beat(): EraseHeartbeat {
    const at = Date.now();
    this.#samples.push({ at, entries: this.entries });
    while (this.#samples.length > 2 && at - (this.#samples[0]?.at ?? at) > OVER * 1_000) this.#samples.shift();
    const first = this.#samples[0] ?? { at, entries: 0 };
    const seconds = Math.max(0.001, (at - first.at) / 1_000);
    const all = summed(this.base, this.mark());
    return { ...all, targets: this.targets, rate: Math.round((this.entries - first.entries) / seconds) };
  }
}

const NAMES = ['versions', 'markers', 'uploads', 'bytes', 'keys'] as const;
const each = (of: (name: (typeof NAMES)[number]) => number): Counts =>
  Object.fromEntries(NAMES.map((name) => [name, of(name)])) as unknown as Counts;

export const summed = (a: Counts, b: Counts): Counts => each((name) => a[name] + b[name]);
/** The greater of each. */
export const atLeast = (a: Counts, b: Partial<Counts> = {}): Counts => each((name) => Math.max(a[name], b[name] ?? 0));

/** Sends the heartbeat while the work goes on. Cancellation comes in by way of heartbeats, so there must be some. */
export async function beating<T>(tally: Tally, work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const beat = () => context.heartbeat(tally.beat());
  beat();
  const timer = setInterval(beat, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
