import { playCancels, type Cancelled } from '../support/warehouse/cancels.js';
import { withWarehouses } from '../support/warehouse/setting.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const REPEATS = 5;
const MOST_SECONDS = 5;

export const queryCancel: Scenario = {
  name: 'query-cancel',
  what: 'seconds from `perennial cancel` during a long query until its statement is gone from the server, the slowest',
  unit: 's',
  limit: MOST_SECONDS,
  bound: 'at most',
  measure,
};

async function measure(context: BenchContext): Promise<Measured> {
  const cancelled: Cancelled[] = await withWarehouses(context, (setting) => playCancels(setting, REPEATS));
  const figure = Math.max(...cancelled.map(({ seconds }) => seconds));
  const failed = cancelled.filter(({ problems }) => problems.length > 0);
  return { figure, ok: figure <= MOST_SECONDS && failed.length === 0, detail: { failed, cancelled } };
}
