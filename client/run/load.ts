import type { Client } from '@temporalio/client';
import type { OutcomeObject } from '../../contracts/records.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { ModelStatus } from '../../contracts/runs.js';
import { entityId, parseRunId, runId } from '../../contracts/names.js';
import { askLedger } from '../ask.js';
import { explain, usageError } from '../errors.js';
import { awaitEnd, describeRun } from './describe.js';
import { runInput } from './request.js';
import type { RunView } from './view.js';
import { viewOf } from './view.js';

/** A run that waits in its model's queue. */
async function loadQueued(client: Client, run: string): Promise<RunView | undefined> {
  const { model = '' } = parseRunId(run) ?? {};
  const status = await client.workflow
    .getHandle(entityId(model))
    .query<ModelStatus>(MESSAGES.status)
    // A model without an entity, or whose worker is away, has no queue that could be asked: the run may still be found elsewhere.
    .catch(() => undefined);
  const index = status?.queue.findIndex(({ runTime }) => runId(model, runTime) === run) ?? -1;
  const queued = status?.queue[index];
  if (!queued) return undefined;
  const { trigger, event, asOf, nominalDate, force, noDeploy, set, resume } = queued.request;
  const before = index + (status?.running ? 1 : 0);
  return {
    run,
    model,
    state: 'queued',
    position: before,
    trigger,
    event,
    asOf: asOf ?? nominalDate,
    force,
    noDeploy,
    set,
    resumes: resume,
  };
}

/** Everything that Temporal, the queue and the ledger know of a run. */
export async function loadRun(
  client: Client,
  env: NodeJS.ProcessEnv,
  run: string,
  warn: (text: string) => void,
): Promise<RunView> {
  const live = await describeRun(client, run);
  if (live?.status === 'RUNNING') {
    const input = await runInput(client, run, live.temporalRunId);
    return viewOf(client, env, run, { live, request: input?.request });
  }
  if (!live) {
    const queued = await loadQueued(client, run);
    if (queued) return queued;
  }
  let outcome: OutcomeObject | undefined;
  try {
    outcome = (await askLedger<'showRun'>(client, env, { kind: 'showRun', run })).run;
  } catch (error) {
    warn(`the ledger does not answer, only what Temporal remembers is shown: ${explain(error).message}`);
  }
  if (!live && !outcome) throw usageError(`no run ${run} is known: \`perennial runs\` lists them`);
  const [end, input] = live
    ? await Promise.all([awaitEnd(client, run), runInput(client, run, live.temporalRunId)])
    : [undefined, undefined];
  return viewOf(client, env, run, { live, end, outcome, request: input?.request });
}
