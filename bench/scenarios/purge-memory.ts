import { round } from '../support/figures.js';
import { startEraser, workOn, type ErasureStep } from '../support/purge/erasure.js';
import { startMadeUp } from '../support/purge/made-up.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const SMALL = 1_000;
const LARGE = 1_000_000;
const MOST_MIB = 50;
const STEPS: readonly ErasureStep[] = ['inspectTargets', 'eraseObjects', 'verifyObjects'];

export const purgeMemory: Scenario = {
  name: 'purge-memory',
  what: `resident memory that a purge of ${LARGE.toLocaleString('en')} entries takes more than one of ${SMALL.toLocaleString('en')}`,
  unit: 'MiB',
  limit: MOST_MIB,
  bound: 'at most',
  measure,
};

/** A purge as its own process saw it. */
export interface Purged {
  readonly entries: number;
  /** Most resident memory of the process, from its start to the end of the verification. */
  readonly peakMiB: number;
  readonly seconds: number;
  /** Versions that the activity says it erased, and entries that the server still has. */
  readonly erased: number;
  readonly left: number;
}

async function measure({ say, signal }: BenchContext): Promise<Measured> {
  const purged: Purged[] = [];
  for (const entries of [SMALL, LARGE]) {
    signal.throwIfAborted();
    say(`${entries} made-up entries are erased …`);
    purged.push(await purge(entries, signal));
  }
  return judge(purged);
}

/** What the processes saw: exported for its test. */
export function judge(purged: readonly Purged[]): Measured {
  const peaks = purged.map(({ peakMiB }) => peakMiB);
  const figure = round((peaks.at(-1) ?? NaN) - (peaks[0] ?? NaN), 1);
  return {
    figure,
    ok: figure <= MOST_MIB && purged.every(({ entries, erased, left }) => erased === entries && left === 0),
    detail: {
      purges: purged.map((one) => ({ ...one, peakMiB: round(one.peakMiB, 1), seconds: round(one.seconds, 1) })),
    },
  };
}

async function purge(entries: number, signal: AbortSignal): Promise<Purged> {
  const server = await startMadeUp(entries);
  const eraser = await startEraser(server.env);
  const stop = () => void eraser.stop();
  signal.addEventListener('abort', stop);
  try {
    const work = workOn(server.bucket, server.targetsUri, 'memory');
    let [peakMiB, seconds, erased] = [0, 0, 0];
    for (const step of STEPS) {
      const done = await eraser.run({ step, work });
      peakMiB = done.peakMiB;
      seconds += done.seconds;
      if (step === 'eraseObjects') erased = (done.answer as { versions: number }).versions;
    }
    return { entries, peakMiB, seconds, erased, left: server.left };
  } finally {
    signal.removeEventListener('abort', stop);
    await eraser.stop();
    await server.close();
  }
}
