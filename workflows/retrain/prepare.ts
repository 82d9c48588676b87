import {
  ActivityCancellationType,
  CancellationScope,
  proxyActivities,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { durationMs } from '../../contracts/duration.js';
import {
  PREPARE_QUEUE_SUFFIX,
  statementTag,
  warehouseName,
  type PrepareActivities,
  type PrepareInput,
  type Prepared,
} from '../../contracts/prepare.js';
import { causeOf } from '../failures.js';
import { data } from '../profiles.js';
import type { Run } from './run.js';

/** How long an outage of the warehouse is sat out on top of a statement's own time limit. */
const PATIENCE_MS = 3_600_000;
/** Reading and copying what was exported. */
const PUBLISH_MS = 6 * 3_600_000;

/**
 * Has the warehouse compute the data of the as-of date and publishes it where check data looks. What a run that takes up an earlier one needs
 * is there already if that one came to a snapshot. Whatever ends it early leaves no half export behind.
 */
export async function prepare(run: Run): Promise<void> {
  const { definition, request } = run.input;
  if (!definition.prepare) return;
  const { resume, noDeploy = false } = request;
  const plan = resume === undefined ? undefined : await data.planResume({ definition, resume, noDeploy });
  if (plan && plan.from !== 'check data') return;
  run.enter('prepare');
  if (plan?.prepared?.publishedTo.endsWith(`/${run.asOf}/`)) {
    Object.assign(run.found, { prepared: plan.prepared });
    run.note(
      `${plan.prepared.rows.toLocaleString('en')} rows of \`${plan.prepared.publishedTo}\` are those that ${plan.prepared.by} prepared: the warehouse is not asked again`,
    );
    return;
  }
  const input: PrepareInput = { ref: run.ref, definition, asOf: run.asOf };
  const warehouse = warehouseActivities(definition.prepare.redshift);
  run.note(
    `asks ${warehouseName(definition.prepare.redshift)} for the data of ${run.asOf}; its statements have the tag \`${statementTag(run.ref, '…')}\``,
  );
  try {
    Object.assign(run.found, { prepared: await prepared(run, warehouse, input) });
  } catch (error) {
    await CancellationScope.nonCancellable(() => discard(run, warehouse, input));
    throw error;
  }
}

/** On a queue of its own: what waits for hours for a statement must not hold the slots that other runs need. */
function warehouseActivities({ timeout, load, checks, query }: RedshiftPrepare): PrepareActivities {
  const statementMs = durationMs(timeout);
  const options: ActivityOptions = {
    taskQueue: `${workflowInfo().taskQueue}${PREPARE_QUEUE_SUFFIX}`,
    startToCloseTimeout: Math.max(statementMs, PUBLISH_MS) + PATIENCE_MS,
    scheduleToCloseTimeout: 2 * Math.max(statementMs, PUBLISH_MS) + PATIENCE_MS,
    heartbeatTimeout: '30s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  };
  // For who looks at the run in the Temporal UI.
  const saying = (summary: string) =>
    proxyActivities<PrepareActivities>({ ...options, summary: summary.slice(0, 200) });
  return {
    loadWarehouse: saying(load.length > 0 ? load.map(({ table }) => table).join(', ') : 'nothing to load')
      .loadWarehouse,
    checkWarehouse: saying(`${checks.length} checks`).checkWarehouse,
    exportQuery: saying(query.file).exportQuery,
    publishExport: saying('suppressed rows, statistics, copies').publishExport,
    discardExport: saying('what is not whole').discardExport,
  };
}

async function prepared(run: Run, warehouse: PrepareActivities, input: PrepareInput): Promise<Prepared> {
  const loaded = await warehouse.loadWarehouse(input);
  for (const { table, rows } of loaded.loads)
    run.note(`${rows.toLocaleString('en')} rows were loaded into \`${table}\``);
  const checked = await warehouse.checkWarehouse(input);
  if (checked.checks.length > 0)
    run.note(
      `${checked.checks.length === 1 ? '1 check' : `${checked.checks.length} checks`} held: ${checked.checks.map(({ name, values }) => `${name} ${values.join(' to ')}`).join(', ')}`,
    );
  const exported = await warehouse.exportQuery(input);
  const published = await warehouse.publishExport({ ...input, exported });
  const { rows, suppressed, publishedTo, unchanged, replaced } = published;
  run.note(
    `${rows.toLocaleString('en')} rows ${unchanged ? 'are what' : 'were exported to'} \`${publishedTo}\`${unchanged ? ' held already' : ''}` +
      `${replaced > 0 ? ` in place of ${replaced} objects of an earlier export` : ''}${suppressed > 0 ? `, ${suppressed} left out as an erasure request asks` : ''}`,
  );
  return { ...published, checks: checked.checks, seconds: loaded.seconds + checked.seconds + exported.seconds };
}

async function discard(run: Run, warehouse: PrepareActivities, input: PrepareInput): Promise<void> {
  try {
    await warehouse.discardExport(input);
  } catch (error) {
    run.warn(`what was exported may still lie under the run's prefix: ${causeOf(error).message}`);
  }
}
