import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { runId } from '../../contracts/names.js';
import type { ModelState, RunReceipt, RunRequest } from '../../contracts/runs.js';
import { MODEL } from '../search-attributes.js';
import { followRun } from './children.js';
import { EndpointDesk } from './endpoint.js';
import { EventTriggers } from './events.js';
import * as messages from './messages.js';
import { pauseNote, pauseSchedule } from './pause.js';
import { RunQueue } from './queue.js';

/**
 * An entity with this much behind it starts afresh between two children. Far below Temporal's 51,200: after a restart a worker replays the
 * histories of all its models, each in one go.
 */
const LONG_HISTORY = 1_000;

/**
 * The long-lived entity of one model: holds its definition, the queue of runs and the endpoint's lock, runs one retrain at a time
 * as a child, counts failures in a row and pauses the schedule after too many, and continues as new only while no child runs (that would cancel it).
 */
export async function model(state: ModelState): Promise<void> {
  const { name } = state;
  const queue = new RunQueue(name, state.queue, state.lastTime);
  let { definition, failures = 0, lastRun, retired = false } = state;
  let running: { run: string; since: string; started: boolean } | undefined;
  let errands = 0;

  const worn = () => workflowInfo().continueAsNewSuggested || workflowInfo().historyLength > LONG_HISTORY;
  const wish = (request: RunRequest): RunReceipt => {
    const receipt = queue.add(request, Date.now(), running !== undefined);
    void pump();
    return receipt;
  };
  const events = new EventTriggers(definition, state.events, wish);

  setHandler(messages.status, () => ({
    definition,
    running,
    queue: queue.entries,
    failures,
    lastRun,
    endpointHolder: endpoint.holder,
    events: events.state,
  }));
  const requested = async (requests: readonly RunRequest[]): Promise<RunReceipt[]> => {
    const receipts = requests.map(wish);
    // Whoever asked may look the runs up at once: answer when what can be there is.
    await condition(() => !running || running.started || !receipts.some(({ run }) => run === running?.run));
    return receipts;
  };
  const admit = (requests: readonly RunRequest[]): void => {
    if (retired)
      throw ApplicationFailure.nonRetryable(
        `model ${name} was removed; run \`perennial apply\` with its definition`,
        'ResourceMissing',
      );
    const refusal = queue.refusal(requests);
    if (refusal !== undefined) throw ApplicationFailure.nonRetryable(refusal, 'QuotaExceeded');
  };
  setHandler(messages.requestRun, async (request) => (await requested([request]))[0] as RunReceipt, {
    validator: (request) => admit([request]),
  });
  setHandler(messages.requestRuns, requested, { validator: admit });
  setHandler(messages.runWanted, (request) => {
    // A trigger that was under way when the model was removed.
    if (retired) return;
    if (request.trigger === 'event') events.occur(request);
    else wish(request);
  });
  setHandler(messages.dataArrived, () => events.arrive());
  setHandler(messages.pauseEvents, ({ note }) => {
    events.pause(note);
    show();
  });
  setHandler(messages.apply, (wanted) => {
    const changed = retired || JSON.stringify(wanted) !== JSON.stringify(definition);
    definition = wanted;
    retired = false;
    events.apply(definition);
    return { changed };
  });
  setHandler(messages.dropQueued, (run) => queue.drop(run));
  setHandler(messages.retire, () => {
    retired = true;
    events.apply(undefined);
  });
  const endpoint = new EndpointDesk({
    definition: () => definition,
    running: () => running?.run,
    mint: () => queue.mint(Date.now()),
  });

  async function pump(): Promise<void> {
    if (running || worn()) return;
    const entry = queue.next();
    if (!entry) return;
    const run = runId(name, entry.runTime);
    running = { run, since: new Date().toISOString(), started: false };
    show();
    lastRun = await followRun(definition, entry, () => {
      if (running) running.started = true;
    });
    failures = lastRun.outcome === 'Failed' ? failures + 1 : lastRun.outcome === 'Cancelled' ? failures : 0;
    running = undefined;
    const note = lastRun.outcome === 'Failed' ? pauseNote(name, failures, lastRun.reason) : undefined;
    if (note !== undefined) {
      events.pause(note);
      errands += 1;
      void pauseSchedule(definition, note).finally(() => (errands -= 1));
    }
    show();
    endpoint.release(run);
    void pump();
  }

  function show(): void {
    const lines = [
      running ? `**running** \`${running.run}\`` : '**idle**',
      `**queued** ${queue.entries.length}`,
      `**failures in a row** ${failures}`,
      events.state?.paused && `**events paused** ${events.state.paused}`,
      lastRun && `**last run** ${lastRun.outcome}: ${lastRun.reason} (\`${lastRun.run}\`)`,
    ];
    setCurrentDetails(lines.filter(Boolean).join('  \n'));
  }

  upsertSearchAttributes([{ key: MODEL, value: name }]);
  show();
  events.apply(retired ? undefined : definition);
  void pump();
  const idle = () => !running && errands === 0 && !endpoint.busy && allHandlersFinished();
  await condition(() => idle() && (worn() || (retired && queue.entries.length === 0)));
  if (retired && queue.entries.length === 0) return;
  await continueAsNew<typeof model>({
    name,
    definition,
    queue: queue.entries,
    failures,
    lastRun,
    lastTime: queue.newestTime,
    retired,
    events: events.state,
  });
}
