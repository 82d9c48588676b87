import { S3Client } from '@aws-sdk/client-s3';
import { awsSettings } from '../../examples/demo/account.js';
import { percentile, round } from '../support/figures.js';
import { startEraser, workOn, type ErasureStep } from '../support/purge/erasure.js';
import { fill, listAll, makeVersionedBucket, putTargets } from '../support/purge/fill.js';
import { removeAll, s5cmd } from '../support/purge/s5cmd.js';
import { withStack } from '../support/stack.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const ENTRIES = 100_000;
const ROUNDS = 5;
const LIMIT = 0.6;
const BUCKET = 'perennial-purge-rate';
const STEPS: readonly ErasureStep[] = ['inspectTargets', 'eraseObjects', 'verifyObjects', 'forgetTargets'];

export const purgeRate: Scenario = {
  name: 'purge-rate',
  what: `rate of the delete phase of a purge of ${ENTRIES.toLocaleString('en')} entries over that of s5cmd rm --all-versions on the same server`,
  unit: 'times',
  limit: LIMIT,
  bound: 'at least',
  measure: (context) => withStack(context, (stack) => measure(context, stack), ['aws']),
};

/** One erasure of a full prefix: seconds, and entries that a listing found afterwards. */
export interface Erased {
  readonly by: 'perennial' | 's5cmd';
  /** Of the delete phase; s5cmd's is all there is. */
  readonly seconds: number;
  readonly endToEndSeconds: number;
  readonly left: number;
}

async function measure(context: BenchContext, stack: LocalStack): Promise<Measured> {
  const { say, signal } = context;
  const program = await s5cmd(context);
  const s3 = new S3Client(awsSettings(stack.env));
  const endpoint = stack.env['AWS_ENDPOINT_URL'] ?? '';
  const erased: Erased[] = [];
  try {
    await makeVersionedBucket(s3, BUCKET);
    for (let round = 1; round <= ROUNDS; round += 1) {
      // Whichever is first meets a server that is a little less used: they take turns.
      const order = round % 2 === 1 ? (['perennial', 's5cmd'] as const) : (['s5cmd', 'perennial'] as const);
      for (const by of order) {
        signal.throwIfAborted();
        const place = { bucket: BUCKET, prefix: `data/${by}-${round}/` };
        say(`round ${round}: ${ENTRIES} objects are put, then erased by ${by} …`);
        await fill(context, endpoint, { ...place, count: ENTRIES });
        const times =
          by === 's5cmd'
            ? await once(removeAll(program, stack.env, place, signal))
            : await purge(s3, stack.env, place, `rate-${round}`);
        erased.push({ by, ...times, left: (await listAll(s3, BUCKET, place.prefix)).length });
      }
    }
    return judge(erased);
  } finally {
    s3.destroy();
  }
}

/** What the erasures say: exported for its test. */
export function judge(erased: readonly Erased[], entries = ENTRIES): Measured {
  const of = (by: Erased['by'], seconds: (one: Erased) => number) =>
    percentile(
      erased.filter((one) => one.by === by).map((one) => entries / seconds(one)),
      0.5,
    );
  const phase = (by: Erased['by']) => of(by, (one) => one.seconds);
  const whole = (by: Erased['by']) => of(by, (one) => one.endToEndSeconds);
  const figure = round(phase('perennial') / phase('s5cmd'), 2);
  const left = erased.filter((one) => one.by === 'perennial').reduce((sum, one) => sum + one.left, 0);
  return {
    figure,
    ok: figure >= LIMIT && left === 0,
    detail: {
      entries,
      entriesASecond: { perennial: Math.round(phase('perennial')), s5cmd: Math.round(phase('s5cmd')) },
      endToEndRatio: round(whole('perennial') / whole('s5cmd'), 2),
      erasureFields: ['by', 'seconds', 'endToEndSeconds', 'left'],
      erasures: erased.map((one) => [one.by, round(one.seconds, 2), round(one.endToEndSeconds, 2), one.left]),
    },
  };
}

async function once(seconds: Promise<number>): Promise<Pick<Erased, 'seconds' | 'endToEndSeconds'>> {
  const whole = await seconds;
  return { seconds: whole, endToEndSeconds: whole };
}

/** All steps of a purge that concern S3; the process that takes them is up already, as a worker is. */
async function purge(
  s3: S3Client,
  env: LocalStack['env'],
  place: { readonly bucket: string; readonly prefix: string },
  request: string,
): Promise<Pick<Erased, 'seconds' | 'endToEndSeconds'>> {
  const uri = await putTargets(s3, BUCKET, request, [place]);
  const work = workOn(BUCKET, uri, request);
  const eraser = await startEraser(env);
  try {
    let [seconds, endToEndSeconds] = [0, 0];
    for (const step of STEPS) {
      const done = await eraser.run({ step, work });
      endToEndSeconds += done.seconds;
      if (step === 'eraseObjects') seconds = done.seconds;
    }
    return { seconds, endToEndSeconds };
  } finally {
    await eraser.stop();
  }
}
