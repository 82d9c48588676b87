import { defineQuery, setHandler } from '@temporalio/workflow';
import type { PurgeInput, TargetsSeen } from '../../contracts/purge/index.js';
import type { LineageSummary } from '../../contracts/purge/lineage.js';
import type { PurgeProgress, PurgeResult } from '../../contracts/purge/process.js';
import { MESSAGES } from '../../contracts/runs.js';
import { causeOf } from '../failures.js';
import { finish, finishBadly } from './ending.js';
import { eraseAndVerify, settled } from './erase.js';
import { check, checkTargets, storageOf } from './input.js';
import { audit, erasing, inspection, waiting } from './profiles.js';
import { Purge, plural } from './state.js';

export { purgeForget } from './forget.js';
export { purgePlan } from './plan.js';

const progressQuery = defineQuery<PurgeProgress>(MESSAGES.progress);

/** How often it is asked whether runs are over. */
const POLL = '15s';

/**
 * Erases what a list of targets names, everywhere it is known to be, looks again, and says what saw it. Ends as Purged, Blocked or Reuploaded;
 * a failed one fails with a typed failure, a cancelled one ends as Cancelled. What was erased stays erased, and the same input goes on from there.
 */
export async function purge(input: PurgeInput): Promise<PurgeResult> {
  const state = new Purge(input);
  setHandler(progressQuery, () => state.progress);
  try {
    return await stages(state);
  } catch (error) {
    throw await finishBadly(state, error);
  }
}

async function stages(state: Purge): Promise<PurgeResult> {
  state.enter('inspect');
  check(state.input);
  state.useStorage(await storageOf(state.input));
  const targets = await inspect(state);
  await recordRequest(state, targets);

  state.enter('lineage');
  const { options, work } = state;
  if (options.tombstones !== false && targets.values === 0) await erasing.setTombstones(work);
  // Jobs are to stand before their data goes, if they are to stand at all; nothing else waits for what is slow.
  const known = options.stopJobs ? await stopReaders(state, await lineageOf(state)) : undefined;
  const [lineage] = await settled(known ? Promise.resolve(known) : lineageOf(state), eraseAndVerify(state));

  state.enter('records');
  if (targets.values === 0) {
    const [records] = await settled(erasing.redactRecords(work), erasing.settleTombstones(work));
    state.found.records = records;
  }
  if (options.retrain && lineage.live.length > 0) {
    state.enter('retrain');
    try {
      await retrain(state, lineage);
    } catch (error) {
      const { cancelled, message } = causeOf(error);
      if (cancelled) throw error;
      state.warn(`not all of ${lineage.live.join(', ')} were trained anew, so live models saw the data: ${message}`);
    }
  }
  return finish(state, targets, lineage);
}

async function inspect(state: Purge): Promise<TargetsSeen> {
  const targets = await inspection.inspectTargets(state.work);
  checkTargets(targets, state.options.column);
  state.found.targets = targets;
  const { objects, prefixes, values, buckets } = targets;
  const named = [
    ...(objects > 0 ? [plural(objects, 'object')] : []),
    ...(prefixes > 0 ? [prefixes === 1 ? '1 prefix' : `${prefixes} prefixes`] : []),
  ];
  const rows = values > 0 ? `rows with ${plural(values, 'value')} in ` : '';
  state.note(`${rows}${named.join(' and ')}, in ${buckets.map(({ bucket }) => bucket).join(', ')}`);
  return targets;
}

async function recordRequest(state: Purge, { objects, prefixes, values, hash }: TargetsSeen): Promise<void> {
  const { ref, work, input } = state;
  state.note('nothing is touched before the ledger has the request');
  state.inChain = 'asked';
  const { sequence } = await audit.recordAudit({
    ref,
    storage: work.storage,
    event: {
      kind: 'requested',
      request: ref.request,
      execution: ref.execution,
      by: input.by,
      reason: input.reason,
      targets: { objects, prefixes, values, hash },
      ...(input.linksRemoved && input.links && { linksRemoved: input.links }),
    },
  });
  state.inChain = 'yes';
  state.note(`row ${sequence} of the chain has the request`);
}

async function lineageOf(state: Purge): Promise<LineageSummary> {
  const lineage = await inspection.lineageOfTargets(state.work);
  state.found.lineage = lineage;
  const { runs, models, live, runningJobs, elsewhere = [] } = lineage;
  state.note(
    runs === 0
      ? 'no recorded run saw it'
      : `${plural(runs, 'run')} of ${models.join(', ')} saw it; live: ${live.length > 0 ? live.join(', ') : 'none'}`,
  );
  for (const request of elsewhere)
    state.warn(
      `request ${request} erased a prefix of the list before, with other targets: its certificate names what saw it`,
    );
  if (!state.options.stopJobs)
    for (const job of runningJobs) state.warn(`job ${job} reads the data now; with stopJobs it would be stopped`);
  return lineage;
}

async function stopReaders(state: Purge, lineage: LineageSummary): Promise<LineageSummary> {
  if (lineage.runningJobs.length === 0) return lineage;
  const { stopped } = await waiting.stopReaders({ ...state.work, jobs: lineage.runningJobs });
  state.note(`stopped ${stopped.join(', ')}`);
  return lineage;
}

/** The data is gone whatever becomes of these. */
async function retrain(state: Purge, { live }: LineageSummary): Promise<void> {
  const { runs } = await waiting.requestRetrains({ ...state.work, models: live });
  state.found.retrained = runs;
  state.note(`wants ${runs.map(({ run }) => run).join(', ')}`);
  const ended = await waiting.awaitRetrains({ runs, poll: POLL });
  state.found.retrained = ended.runs;
  for (const { model, run, outcome = 'Unknown', reason } of ended.runs) {
    const words = `${model}: ${run} ended as ${outcome}${reason ? `, ${reason}` : ''}`;
    if (outcome === 'Deployed') state.note(words);
    else state.warn(`${words}: its live model saw the data`);
  }
}
