import { round } from '../support/figures.js';
import { startEraser, workOn, type EraserProcess, type ErasureStep } from '../support/purge/erasure.js';
import { fill, listAll, makeVersionedBucket, putTargets } from '../support/purge/fill.js';
import { startMadeUp } from '../support/purge/made-up.js';
import { startS3Proxy, type S3Proxy } from '../support/purge/s3-proxy.js';
import { withStack } from '../support/stack.js';
import { awsSettings } from '../../examples/demo/account.js';
import { S3Client } from '@aws-sdk/client-s3';
import type { PurgeWork } from '../../contracts/purge/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const SMALL = 100_000;
const LARGE = 1_000_000;
/** A page and a batch are 1,000 entries: no purge takes fewer calls than one of each a thousand. */
const LEAST = (entries: number) => (2 * entries) / 1_000;
const MOST_PERCENT = 1;
const BUCKET = 'perennial-purge-calls';
const PREFIX = 'data/part/2024/';
const STEPS: readonly ErasureStep[] = ['inspectTargets', 'eraseObjects', 'verifyObjects'];

/** Calls by operation, for each step. */
export type Counted = Readonly<Record<string, Readonly<Record<string, number>>>>;

export const purgeCalls: Scenario = {
  name: 'purge-calls',
  what: `API calls to erase ${LARGE.toLocaleString('en')} entries beyond two a thousand, without those of the verification`,
  unit: '%',
  limit: MOST_PERCENT,
  bound: 'at most',
  measure,
};

/** Counts on a real server and on one that makes its entries up; where they agree, the second is counted for a million. */
async function measure(context: BenchContext): Promise<Measured> {
  const sizes = { small: SMALL, large: LARGE };
  const onServer = await withStack(context, (stack) => real(context, stack.env, sizes.small), ['aws']);
  context.say(`${sizes.small} made-up entries …`);
  const madeUp = await simulated(sizes.small);
  context.say(`${sizes.large} made-up entries …`);
  const large = await simulated(sizes.large);
  return judge({ sizes, onServer, madeUp, large });
}

interface Observed {
  readonly sizes: { readonly small: number; readonly large: number };
  readonly onServer: Counted;
  readonly madeUp: Counted;
  readonly large: Counted;
}

/** What the counts say: exported for its test. */
export function judge({ sizes, onServer, madeUp, large }: Observed): Measured {
  const total = (counted: Counted, steps: readonly string[]) =>
    steps.flatMap((step) => Object.values(counted[step] ?? {})).reduce((sum, count) => sum + count, 0);
  const erasing = STEPS.filter((step) => step !== 'verifyObjects');
  const beyond = (counted: Counted, entries: number) => (total(counted, erasing) / LEAST(entries) - 1) * 100;
  const figure = round(beyond(large, sizes.large), 2);
  const alike = JSON.stringify(sorted(onServer)) === JSON.stringify(sorted(madeUp));
  return {
    figure,
    ok: figure <= MOST_PERCENT && alike,
    detail: {
      entries: sizes.large,
      least: LEAST(sizes.large),
      calls: total(large, erasing),
      callsOfVerification: total(large, ['verifyObjects']),
      sameOnARealServer: alike,
      beyondOnARealServer: round(beyond(onServer, sizes.small), 2),
      realEntries: sizes.small,
      bySteps: large,
      bySmallSteps: madeUp,
      byStepsOnARealServer: onServer,
    },
  };
}

const sorted = (counted: Counted) =>
  STEPS.map((step) => Object.entries(counted[step] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));

async function real(
  { say, signal }: BenchContext,
  env: Readonly<Record<string, string>>,
  count: number,
): Promise<Counted> {
  const s3 = new S3Client(awsSettings(env));
  const proxy = await startS3Proxy(env['AWS_ENDPOINT_URL'] ?? '');
  try {
    await makeVersionedBucket(s3, BUCKET);
    say(`${count} objects are put …`);
    await fill({ signal }, env['AWS_ENDPOINT_URL'] ?? '', { bucket: BUCKET, prefix: PREFIX, count });
    const uri = await putTargets(s3, BUCKET, 'list', [{ bucket: BUCKET, prefix: PREFIX }]);
    say('they are erased …');
    const counted = await countSteps(proxy, env, workOn(BUCKET, uri, 'calls'));
    const left = await listAll(s3, BUCKET, PREFIX);
    if (left.length > 0) throw new Error(`${left.length} of ${count} entries are left: nothing to count`);
    return counted;
  } finally {
    await proxy.close();
    s3.destroy();
  }
}

async function simulated(count: number): Promise<Counted> {
  const server = await startMadeUp(count);
  const proxy = await startS3Proxy(server.url);
  try {
    const counted = await countSteps(proxy, server.env, workOn(server.bucket, server.targetsUri, 'calls'));
    if (server.left > 0) throw new Error(`${server.left} of ${count} made-up entries are left: nothing to count`);
    return counted;
  } finally {
    await proxy.close();
    await server.close();
  }
}

async function countSteps(proxy: S3Proxy, env: Readonly<Record<string, string>>, work: PurgeWork): Promise<Counted> {
  const eraser: EraserProcess = await startEraser({ ...env, AWS_ENDPOINT_URL: proxy.url });
  const counted: Record<string, Record<string, number>> = {};
  try {
    for (const step of STEPS) {
      proxy.recount();
      await eraser.run({ step, work });
      counted[step] = Object.fromEntries(proxy.calls);
    }
    return counted;
  } finally {
    await eraser.stop();
  }
}
