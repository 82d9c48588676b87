import { ActivityCancellationType, CancellationScope, proxyActivities, workflowInfo } from '@temporalio/workflow';
import { durationMs } from '../../contracts/duration.js';
import {
  PREPARE_QUEUE_SUFFIX,
  type PrepareActivities,
  type PrepareInput,
  type Prepared,
} from '../../contracts/prepare.js';
import { causeOf } from '../failures.js';
import { questions } from '../profiles.js';
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
  const { resume } = request;
  if (resume !== undefined && (await questions.planResume({ definition, resume })).from !== 'check data') return;
  run.enter('prepare');
  const input: PrepareInput = { ref: run.ref, definition, asOf: run.asOf };
  const warehouse = warehouseActivities(durationMs(definition.prepare.redshift.timeout));
  try {
    Object.assign(run.found, { prepared: await prepared(run, warehouse, input) });
  } catch (error) {
    await CancellationScope.nonCancellable(() => discard(run, warehouse, input));
    throw error;
  }
}

/** On a queue of its own: what waits for hours for a statement must not hold the slots that other runs need. */
function warehouseActivities(statementMs: number) {
  return proxyActivities<PrepareActivities>({
    taskQueue: `${workflowInfo().taskQueue}${PREPARE_QUEUE_SUFFIX}`,
    startToCloseTimeout: Math.max(statementMs, PUBLISH_MS) + PATIENCE_MS,
    scheduleToCloseTimeout: 2 * Math.max(statementMs, PUBLISH_MS) + PATIENCE_MS,
    heartbeatTimeout: '30s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

async function prepared(run: Run, warehouse: PrepareActivities, input: PrepareInput): Promise<Prepared> {
  const loaded = await warehouse.loadWarehouse(input);
  for (const { table, rows } of loaded.loads)
    run.note(`${rows.toLocaleString('en')} rows were loaded into \`${table}\``);
  const checked = await warehouse.checkWarehouse(input);
  if (checked.checks.length > 0)
    run.note(
      `${checked.checks.length} checks held: ${checked.checks.map(({ name, values }) => `${name} ${values.join(' to ')}`).join(', ')}`,
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
