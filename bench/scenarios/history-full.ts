import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { Client } from '@temporalio/client';
import { s3Client } from '../../examples/demo/account.js';
import type { LocalStack } from '../../local/index.js';
import { withImage } from '../support/images.js';
import { applyDefinitions, prepareBenchAccount } from '../support/models.js';
import { OFFSET_IMAGE, offsetInput, offsetRows, putDay } from '../support/offsets.js';
import { measuredRun } from '../support/runs.js';
import { withClient, withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { mostEvents } from './history.js';

const MODEL = 'history-full';
const RUNS = 5;
const MOST_EVENTS = 140;

export const historyFull: Scenario = {
  name: 'history-full',
  what: 'history events of a full run: check, train, evaluate with the live model rescored, gate, deploy, record, notify',
  unit: 'events',
  limit: MOST_EVENTS,
  bound: 'at most',
  measure: (context) =>
    withImage(OFFSET_IMAGE, () =>
      withStack(context, (stack) => withClient(stack, (client) => measure(context, stack, client))),
    ),
};

async function measure({ say, signal }: BenchContext, stack: LocalStack, client: Client): Promise<Measured> {
  await prepareBenchAccount(stack);
  const s3 = s3Client(stack.env);
  const day = async (index: number) => {
    const date = `2026-01-${String(index).padStart(2, '0')}`;
    await putDay(
      s3,
      MODEL,
      'train',
      date,
      offsetRows(20, () => 1),
    );
    // Other rows to judge on: the live model has no score on them yet.
    await putDay(
      s3,
      MODEL,
      'test',
      date,
      offsetRows(20, () => 0),
    );
  };
  try {
    await day(1);
    await applyDefinitions(stack, [offsetInput(MODEL, { gate: { max: 5, noWorseThanLive: 0.02 } })]);
    await measuredRun(client, MODEL);
    const runs = [];
    for (let index = 1; index <= RUNS; index += 1) {
      signal.throwIfAborted();
      await day(index + 1);
      const { run, result } = await measuredRun(client, MODEL);
      const history = await client.workflow.getHandle(run).fetchHistory();
      const { events } = JSON.parse(historyToJSON(history)) as { events: { eventType: string }[] };
      const types = events.map(({ eventType }) => eventType.replace('EVENT_TYPE_', ''));
      const rescored = result.evaluation?.live?.rescored === true;
      runs.push({ run, rescored, seen: types.length, ...mostEvents(types), types });
      say(`run ${index} of ${RUNS}: ${types.length} events, ${runs.at(-1)?.most} at most`);
    }
    const figure = Math.max(...runs.map(({ most }) => most));
    const ok = figure <= MOST_EVENTS && runs.every(({ rescored, seen, most }) => rescored && seen <= most);
    return { figure, ok, detail: { runs } };
  } finally {
    s3.destroy();
  }
}
