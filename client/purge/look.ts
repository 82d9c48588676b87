import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { parseS3Uri } from '../../contracts/names.js';
import { type EntryCounts, type PurgeInput, type PurgeRef, purgeId } from '../../contracts/purge/index.js';
import type { EraseHeartbeat, PurgeOutcome, PurgeProgress, PurgeResult } from '../../contracts/purge/process.js';
import { EXIT } from '../errors.js';
import { formatSeconds, plural } from '../format.js';
import type { Output } from '../output.js';
import { type LiveRun, awaitEnd, describeRun } from '../run/describe.js';
import { runInput } from '../run/request.js';
import type { Terminal } from '../terminal.js';

const LOOK_MS = 250;
/** Activities whose heartbeat is an EraseHeartbeat; a purge has one of them at a time. */
const BEATING = new Set(['eraseObjects', 'verifyObjects']);

/** How a purge ended; `result` for the outcomes that are its value. */
export interface PurgeEnd {
  readonly outcome: PurgeOutcome | 'Failed' | 'Cancelled';
  readonly reason: string;
  readonly result?: PurgeResult;
  /** Of one without a result: what it had erased when it last reported. */
  readonly erased?: EntryCounts;
}

/** A purge as Temporal knows it, with what its erasing or verifying has counted since it last answered. */
export interface LivePurge extends LiveRun<PurgeProgress> {
  readonly beat?: EraseHeartbeat;
}

/** Exit code that an outcome stands for: all but Purged leaves something for a person to do. */
export function exitOf(outcome: PurgeEnd['outcome']): number {
  switch (outcome) {
    case 'Purged':
      return EXIT.ok;
    case 'Blocked':
    case 'Reuploaded':
    case 'Failed':
      return EXIT.failed;
    case 'Cancelled':
      return EXIT.cancelled;
  }
}

/** The newest purge of a request, or undefined if Temporal knows none (any more). */
export async function lookAtPurge(client: Client, request: string): Promise<LivePurge | undefined> {
  const [live, beat] = await Promise.all([
    describeRun<PurgeProgress>(client, purgeId(request)),
    heartbeat(client, request),
  ]);
  return live && { ...live, ...(beat && { beat }) };
}

/** What the purge was started with. */
export const inputOf = async (client: Client, { run, temporalRunId }: LivePurge): Promise<PurgeInput | undefined> =>
  (await runInput(client, run, temporalRunId)) as object as PurgeInput | undefined;

/** Every purge of a request that Temporal still knows, with what it was started with. */
export async function executionsOf(
  client: Client,
  request: string,
): Promise<{ readonly input: PurgeInput; readonly ref: PurgeRef }[]> {
  const found: { input: PurgeInput; ref: PurgeRef }[] = [];
  const run = purgeId(request);
  for await (const { runId, startTime } of client.workflow.list({ query: `WorkflowId = "${run}"` })) {
    const input = (await runInput(client, run, runId)) as object as PurgeInput | undefined;
    if (!input) continue;
    found.push({ input, ref: { request, execution: runId, startedAt: input.since ?? startTime.toISOString() } });
  }
  return found;
}

/** The bucket that the newest purge of a request keeps its records in, as far as Temporal still knows. */
export async function recordsBucketOf(client: Client, request: string): Promise<string | undefined> {
  const live = await lookAtPurge(client, request);
  const input = live && (await inputOf(client, live));
  return input && parseS3Uri(input.targetsUri).bucket;
}

/** How a purge that is closed, or will be, ended. It has a run's form, with outcomes of its own. */
export const endOf = async (client: Client, request: string): Promise<PurgeEnd> =>
  (await awaitEnd(client, purgeId(request))) as object as PurgeEnd;

async function heartbeat(client: Client, request: string): Promise<EraseHeartbeat | undefined> {
  const described = await client.workflow
    .getHandle(purgeId(request))
    .describe()
    .catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
  return described && (await decoded(client, described));
}

async function decoded(client: Client, { raw }: WorkflowExecutionDescription): Promise<EraseHeartbeat | undefined> {
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  const erasing = raw.pendingActivities?.find(({ activityType }) => BEATING.has(activityType?.name ?? ''));
  let payloads = erasing?.heartbeatDetails?.payloads ?? [];
  for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads);
  const [details] = payloads;
  return details && payloadConverter.fromPayload<EraseHeartbeat>(details);
}

/** How far a leg or a look is: targets looked at, counts, rate, and the time left where the number of keys is known. */
export function paceOf({ beat, progress }: Pick<LivePurge, 'beat' | 'progress'>): string | undefined {
  if (!beat) return undefined;
  const { versions, markers, uploads, rate, keys, targets = 0 } = beat;
  const { objects = 0, prefixes = 1 } = progress?.targets ?? {};
  // Of a single target there is nothing to say; of many, those that are not there erase nothing.
  const all = objects + prefixes;
  const looked = all > 1 && targets > 0 ? `looked at ${targets} of ${all} targets` : undefined;
  if (keys === 0) return looked;
  const left = prefixes === 0 && rate > 0 ? Math.max(0, objects - keys) / rate : undefined;
  const until = left === undefined ? '' : `, about ${formatSeconds(left)} left`;
  const entries = versions + markers + uploads;
  const erased = `erased ${entries === 1 ? '1 entry' : `${entries} entries`} of ${plural(keys, 'key')} in this leg, ${Math.round(rate)}/s${until}`;
  return looked ? `${looked}; ${erased}` : erased;
}

/** What a purge has erased, the leg under way included. */
function erasedBy({ progress, beat }: LivePurge): EntryCounts | undefined {
  const erased = progress?.erased;
  if (!erased || !beat) return erased;
  const { versions, markers, uploads, bytes } = beat;
  return {
    versions: erased.versions + versions,
    markers: erased.markers + markers,
    uploads: erased.uploads + uploads,
    bytes: erased.bytes + bytes,
  };
}

/** A leg that was stopped is not counted any more: what was reported before stands. */
const more = (a: EntryCounts | undefined, b: EntryCounts | undefined) =>
  a && (!b || b.versions + b.markers + b.uploads < a.versions + a.markers + a.uploads) ? a : b;

/** Shows a purge live until it ends; undefined after Ctrl-C, which ends the following, never the purge. */
export async function followPurge(
  client: Client,
  terminal: Terminal,
  output: Output,
  request: string,
): Promise<PurgeEnd | undefined> {
  const once = output.teller();
  let reported: EntryCounts | undefined;
  const interrupt = new AbortController();
  const stop = terminal.onInterrupt(() => interrupt.abort());
  try {
    while (!interrupt.signal.aborted) {
      const live = await lookAtPurge(client, request);
      const { stage, notes = [], warnings = [] } = live?.progress ?? {};
      // What is known by now comes from the stages before.
      for (const note of notes) once(`  ${note}`);
      for (const warning of warnings) once(`  warning: ${warning}`);
      if (stage && stage !== 'done') once(`${output.style('cyan', '▸')} ${stage}`);
      const pace = live && paceOf(live);
      if (pace) once(`  … ${pace}`);
      for (const { activity, last } of live?.pending ?? []) if (last) once(`  … ${activity}: ${last}`);
      if (live?.silence) once(`  … ${live.silence}`);
      reported = more(reported, live && erasedBy(live));
      if (live?.status !== 'RUNNING') {
        const end = await endOf(client, request);
        return end.result || !reported ? end : { ...end, erased: reported };
      }
      await sleep(LOOK_MS, undefined, { signal: interrupt.signal }).catch(() => undefined);
    }
    return undefined;
  } finally {
    stop();
  }
}
