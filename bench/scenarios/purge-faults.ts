import { withCampaign } from '../support/campaign/setting.js';
import { runPurgeCampaign } from '../support/purge/campaign.js';
import type { Scenario } from '../scenario.js';

/** A killed worker is missed after a minute, in which nothing happens: a small machine plays many at once. */
const LANES = 12;

export const purgeFaults: Scenario = {
  name: 'purge-faults',
  what: 'purges that end wrongly, or as Purged with anything left: worker killed at each call; SlowDown, InternalError, AccessDenied, locks and lies of S3',
  unit: 'points',
  limit: 0,
  bound: 'at most',
  takesPoints: true,
  measure: (context) => withCampaign(context, (setting) => runPurgeCampaign(setting, LANES, context.draw)),
};
