import { runWarehouseCampaign } from '../support/warehouse/campaign.js';
import { withWarehouses } from '../support/warehouse/setting.js';
import type { Scenario } from '../scenario.js';

/** A killed worker is missed after half a minute, in which nothing happens: a small machine plays many at once. */
const LANES = 12;

export const warehouseFaults: Scenario = {
  name: 'warehouse-faults',
  what: 'points that did not end as they should: credentials, TLS, SQL, locks, checks, lost answers, and the worker killed at each call of a preparation',
  unit: 'points',
  limit: 0,
  bound: 'at most',
  takesPoints: true,
  measure: (context) => withWarehouses(context, (setting) => runWarehouseCampaign(setting, LANES, context.draw)),
};
