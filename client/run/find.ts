import type { Client } from '@temporalio/client';
import { RUN_KINDS, compactTime, entityId, parseRunId, runId } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { RunRow } from '../../contracts/questions.js';
import type { ModelStatus } from '../../contracts/runs.js';
import { modelOfTransform } from '../../contracts/transforms.js';
import { askLedger } from '../ask.js';
import { explain, usageError } from '../errors.js';
import { findModel, knownModels } from '../models.js';

const MOST_LISTED = 1_000;

/** Runs of the ledger, newest first, or none with the reason on `warn`: what Temporal knows is worth showing by itself. */
export async function ledgerRuns(
  client: Client,
  env: NodeJS.ProcessEnv,
  query: { model?: string; limit: number },
  warn: (text: string) => void,
): Promise<readonly RunRow[]> {
  try {
    return (await askLedger<'listRuns'>(client, env, { kind: 'listRuns', ...query })).runs;
  } catch (error) {
    warn(`the ledger does not answer, only runs that Temporal remembers are shown: ${explain(error).message}`);
    return [];
  }
}

/** What `WorkflowType` of runs and changes by hand is, as a filter of Temporal's visibility. */
const OF_RUNS = `WorkflowType IN (${RUN_KINDS.map((kind) => `"${kind}"`).join(', ')})`;

/** Ids of the runs and changes by hand that Temporal remembers, newest first. */
export async function rememberedRuns(client: Client, filter = ''): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: `${OF_RUNS}${filter}` })) {
    if (parseRunId(workflowId)) ids.push(workflowId);
    if (ids.length === MOST_LISTED) break;
  }
  return ids.sort((a, b) => (parseRunId(b)?.time ?? '').localeCompare(parseRunId(a)?.time ?? ''));
}

/** Whether an id is that of a run of this model, and none of a change by hand. */
function isRunOf(id: string, model: string): boolean {
  const parsed = parseRunId(id);
  return parsed?.kind === 'retrain' && parsed.model === model;
}

/** Ids of the runs that wait in the queue of a model. */
export async function queuedRuns(client: Client, model: string): Promise<string[]> {
  const status = await client.workflow.getHandle(entityId(model)).query<ModelStatus>(MESSAGES.status);
  return status.queue.map(({ runTime }) => runId(model, runTime));
}

const isWholeId = (word: string) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(parseRunId(word)?.time ?? '');

/** Whether a person may have meant this run: by a part of its id, or by the name of what it made in SageMaker. */
function matches(id: string, word: string): boolean {
  const { model, time } = parseRunId(id) ?? { model: '', time: '' };
  if (id.startsWith(word) || id.endsWith(word) || `${model}/${time}`.startsWith(word)) return true;
  return time !== '' && word.startsWith(`${model}-${compactTime(time)}`);
}

/**
 * The one run that a word stands for: a whole id, a unique beginning or end of one, the name of its training job, or a model (its
 * newest run).
 */
export async function findRun(
  client: Client,
  env: NodeJS.ProcessEnv,
  word: string,
  warn: (text: string) => void,
): Promise<string> {
  if (isWholeId(word)) return word;
  if (modelOfTransform(word) !== undefined)
    throw usageError(`${word} is a batch transform, not a run: \`perennial show ${word}\` shows it`);
  // The entity knows at once what visibility shows a moment later.
  const status = /^[\w-]+$/.test(word) ? await findModel(client, env, word) : undefined;
  const newest = status?.running?.run ?? status?.lastRun?.run;
  if (newest) return newest;
  const remembered = await rememberedRuns(client);
  const ofModel = remembered.find((id) => isRunOf(id, word));
  if (ofModel) return ofModel;
  const models = await knownModels(client);
  const queued = (await Promise.all(models.map((model) => queuedRuns(client, model)))).flat();
  let found = [...new Set([...remembered, ...queued])].filter((id) => matches(id, word));
  if (found.length === 0) {
    const rows = await ledgerRuns(client, env, { limit: MOST_LISTED }, warn);
    const ended = rows.find(({ run }) => isRunOf(run, word));
    if (ended) return ended.run;
    found = rows.map(({ run }) => run).filter((id) => matches(id, word));
  }
  const [only, ...others] = found;
  if (only === undefined) throw usageError(`no run "${word}" is known: \`perennial runs\` lists them`);
  if (others.length === 0) return only;
  const listed = found.slice(0, 5).join('\n  ');
  throw usageError(`"${word}" may be any of ${found.length} runs:\n  ${listed}${found.length > 5 ? '\n  …' : ''}`);
}
