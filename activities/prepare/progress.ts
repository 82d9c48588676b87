import { Context } from '@temporalio/activity';
import type { PrepareBeat } from '../../contracts/prepare.js';

/** A cancel comes with the answer to a heartbeat, and the statement is to be gone within five seconds. */
const BEAT_EVERY_MS = 1_000;

/** What an activity is at: its heartbeats tell whoever looks at the run. */
export class Progress {
  #doing = '';
  #began = Date.now();
  #rows: (() => number) | undefined;

  /** @param rows counts those that came through so far */
  begin(doing: string, rows?: () => number): void {
    this.#doing = doing;
    this.#began = Date.now();
    this.#rows = rows;
  }

  beat(): void {
    const said: PrepareBeat = {
      doing: this.#doing,
      seconds: Math.round((Date.now() - this.#began) / 1_000),
      ...(this.#rows && { rows: this.#rows() }),
    };
    Context.current().heartbeat(said);
  }
}

/** Heartbeats while something works. */
export async function beating<T>(doing: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = new Progress();
  progress.begin(doing);
  const beat = setInterval(() => progress.beat(), BEAT_EVERY_MS);
  try {
    return await work(progress);
  } finally {
    clearInterval(beat);
  }
}
