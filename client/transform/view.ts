import type { Client } from '@temporalio/client';
import { modelOfTransform, type TransformProgress, type TransformResult } from '../../contracts/transforms.js';
import { uiUrl } from '../connect.js';
import { usageError } from '../errors.js';
import { formatBytes, formatSeconds, formatTime, plural, secondsBetween } from '../format.js';
import type { Output } from '../output.js';
import { awaitEnd, describeRun, type Pending } from '../run/describe.js';
import type { TransformEnd } from './follow.js';

/** Everything known of a batch transform, as `perennial show --json` prints it. */
export interface TransformView {
  readonly transform: string;
  readonly model: string;
  /** `running`, or how it ended. */
  readonly state: 'running' | TransformEnd['outcome'];
  readonly reason?: string;
  readonly result?: TransformResult;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly pending: readonly Pending[];
  readonly historyEvents: number;
  readonly url?: string;
}

/** What Temporal knows of a batch transform; it stands in no other record. */
export async function loadTransform(client: Client, env: NodeJS.ProcessEnv, id: string): Promise<TransformView> {
  const live = await describeRun<TransformProgress>(client, id);
  if (!live)
    throw usageError(`no transform ${id} is known to Temporal: the id that \`perennial transform\` printed is meant`);
  const { progress, pending, startedAt, endedAt, historyEvents } = live;
  // The end of a transform has a run's form, with an outcome of its own.
  const end = live.status === 'RUNNING' ? undefined : ((await awaitEnd(client, id)) as object as TransformEnd);
  const url = uiUrl(client, env, id, live.temporalRunId);
  return {
    transform: id,
    model: modelOfTransform(id) ?? id,
    state: end?.outcome ?? 'running',
    ...(end && { reason: end.reason }),
    ...(end?.result && { result: end.result }),
    startedAt,
    ...(endedAt !== undefined && { endedAt }),
    notes: progress?.notes ?? [],
    warnings: progress?.warnings ?? end?.result?.warnings ?? [],
    pending,
    historyEvents,
    ...(url !== undefined && { url }),
  };
}

const counted = ({ objects, bytes = 0 }: TransformResult) =>
  objects === undefined ? undefined : `${plural(objects, 'object')}, ${formatBytes(bytes)}`;

/** What a transform has to show for itself, for people. */
export const transformFacts = (
  id: string,
  result: TransformResult | undefined,
  url: string | undefined,
): (readonly [string, string | undefined])[] => [
  ['transform', id],
  ['job', result?.transformJob],
  ['model', result?.modelName],
  ['of run', result?.run],
  ['answers', result?.outputUri],
  ['objects', result && counted(result)],
  ['took', result && formatSeconds(result.seconds)],
  ['UI', url],
];

/** For people, as `perennial show` shows a run. */
export function renderTransform(output: Output, view: TransformView): string {
  const { transform, state, reason, result, startedAt, endedAt, notes, warnings, pending, historyEvents, url } = view;
  const ended = endedAt === undefined ? '' : `, took ${formatSeconds(secondsBetween(startedAt, endedAt))}`;
  const blocks = [
    `${output.style('bold', transform)}  ${output.outcome(state)}${reason === undefined ? '' : `\n  ${reason}`}`,
    output.facts([
      ['started', `${formatTime(startedAt)}${ended}`],
      ['history', plural(historyEvents, 'event')],
      ...transformFacts(transform, result, url).filter(([name]) => name !== 'transform' && name !== 'took'),
    ]),
    pending
      .map(({ activity, attempt, last }) => `waiting in ${activity}, try ${attempt}${last ? `: ${last}` : ''}`)
      .join('\n'),
    notes.map((note) => `- ${note}`).join('\n'),
    warnings.map((warning) => output.style('yellow', `warning: ${warning}`)).join('\n'),
  ];
  return blocks.filter(Boolean).join('\n\n');
}
