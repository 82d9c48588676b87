import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Worker } from '@temporalio/worker';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { createErasureActivities } from '../../activities/purge/index.js';
import { TASK_QUEUE, parseS3Uri } from '../../contracts/names.js';
import { purgeId, type CopiesErased, type PurgeInput } from '../../contracts/purge/index.js';
import type { PurgeResult } from '../../contracts/purge/process.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { workflowBundle } from '../../worker/bundle.js';
import { quietRuntime } from '../support/own-worker.js';
import { startMadeUp, type MadeUp } from '../support/purge/made-up.js';
import { withSkippingServer } from '../support/skipping.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const ENTRIES = 10_000_000;
const MOST_EVENTS = 4_000;
const MOST_BYTES = 256 * 1024;
/** A leg of ten minutes erases two million entries at S3's limit of 3,500 a second and prefix; these are as short as makes many more of them. */
const LEG_MS = 60_000;
const PATIENCE_MS = 60_000;

export const purgeHistory: Scenario = {
  name: 'purge-history',
  what: `history events of a purge of ${ENTRIES.toLocaleString('en')} entries; its payloads under 256 KB, and no key in them`,
  unit: 'events',
  limit: MOST_EVENTS,
  bound: 'at most',
  measure: (context) => measure(context),
};

/** A purge as its history has it. */
interface Played {
  readonly entries: number;
  readonly legs: number;
  readonly events: number;
  readonly largestPayload: number;
  /** Payloads, messages and headers that hold a key or the prefix. */
  readonly leaks: number;
  readonly outcome: string;
  readonly erased: number;
  /** Entries that the server still has. */
  readonly left: number;
}

async function measure(context: BenchContext): Promise<Measured> {
  const server = await startMadeUp(ENTRIES);
  try {
    quietRuntime();
    return await withSkippingServer(context, async (env) => judge(await play(context, env, server)));
  } finally {
    await server.close();
  }
}

/** What the history says: exported for its test. */
export function judge(played: Played): Measured {
  const { entries, events, largestPayload, leaks, outcome, erased, left } = played;
  return {
    figure: events,
    ok:
      events < MOST_EVENTS &&
      largestPayload < MOST_BYTES &&
      leaks === 0 &&
      outcome === 'Purged' &&
      erased === entries &&
      left === 0,
    detail: { ...played },
  };
}

/** The real erasure against the made-up server; what a purge does beside it is answered at once. */
async function play({ say, signal }: BenchContext, env: TestWorkflowEnvironment, server: MadeUp): Promise<Played> {
  const s3 = new S3Client({
    endpoint: server.url,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const prefix = await prefixOf(s3, server.targetsUri);
  const erasure = createErasureActivities({
    s3,
    hashes: async () => hashesWith(Buffer.alloc(32)),
    limits: { leg: LEG_MS, patience: PATIENCE_MS },
  });
  let legs = 0;
  const worker = await Worker.create({
    connection: env.nativeConnection,
    ...(env.namespace ? { namespace: env.namespace } : {}),
    taskQueue: TASK_QUEUE,
    workflowBundle: await workflowBundle(new DefaultLogger('ERROR')),
    activities: {
      ...others(server.bucket),
      ...erasure,
      eraseObjects: async (input: Parameters<typeof erasure.eraseObjects>[0]) => {
        signal.throwIfAborted();
        legs += 1;
        const leg = await erasure.eraseObjects(input);
        say(`leg ${legs}: ${(ENTRIES - server.left).toLocaleString('en')} of ${ENTRIES.toLocaleString('en')} erased`);
        return leg;
      },
      // The server has no deletion of single objects.
      forgetTargets: async () => undefined,
    },
  });
  const input: PurgeInput = {
    request: 'bench',
    reason: 'measurement',
    by: 'bench',
    targetsUri: server.targetsUri,
  };
  return worker.runUntil(async () => {
    const handle = await env.client.workflow.start(WORKFLOWS.purge, {
      taskQueue: TASK_QUEUE,
      workflowId: purgeId(input.request),
      args: [input],
    });
    const { outcome, erased } = (await handle.result()) as PurgeResult;
    const seen = readHistory(historyToJSON(await handle.fetchHistory()), prefix);
    return { entries: ENTRIES, legs, ...seen, outcome, erased: erased.versions, left: server.left };
  });
}

async function prefixOf(s3: S3Client, targetsUri: string): Promise<string> {
  const { bucket: Bucket, key: Key } = parseS3Uri(targetsUri);
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return (JSON.parse((await Body?.transformToString()) ?? '') as { prefix: string }).prefix;
}

/** Every text of a history, payloads decoded, as whoever may read it can read it. */
export function readHistory(json: string, prefix: string): Pick<Played, 'events' | 'largestPayload' | 'leaks'> {
  let [largestPayload, leaks] = [0, 0];
  const { events } = JSON.parse(json, (name, value: unknown) => {
    if (typeof value !== 'string') return value;
    const text = name === 'data' ? Buffer.from(value, 'base64').toString() : value;
    if (name === 'data') largestPayload = Math.max(largestPayload, Buffer.byteLength(text));
    if (text.includes(prefix)) leaks += 1;
    return value;
  }) as { events: object[] };
  return { events: events.length, largestPayload, leaks };
}

/** The activities that neither list nor delete, with answers of the size that real ones have. */
function others(bucket: string) {
  const copies: CopiesErased = { files: 0, bytes: 0, mounts: [], conflicts: {} };
  const uri = `s3://${bucket}/_perennial/purges/bench/lineage.json`;
  return {
    declaredStorage: async () => ({}),
    recordAudit: async () => ({ sequence: 1, head: '0'.repeat(64) }),
    setTombstones: async () => ({ objects: 0, prefixes: 1 }),
    lineageOfTargets: async () => ({
      runs: 0,
      models: [],
      live: [],
      runningJobs: [],
      batchOutputs: 0,
      lineageUri: uri,
    }),
    eraseCopies: async () => copies,
    verifyCopies: async () => copies,
    redactRecords: async () => ({ fileRecords: 0, manifests: 0, scores: 0, ledgerRows: 0 }),
    settleTombstones: async () => undefined,
  };
}
