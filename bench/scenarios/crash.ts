import { runCampaign } from '../support/campaign/campaign.js';
import { withCampaign } from '../support/campaign/setting.js';
import type { Scenario } from '../scenario.js';

/** A point costs waiting, for the time limit of the activity that died, and little else: a small machine plays many at once. */
const LANES = 16;

export const crash: Scenario = {
  name: 'crash',
  what: 'points of a run (each call, before and after its effect) at which SIGKILL of the worker changes how the run ends',
  unit: 'points',
  limit: 0,
  bound: 'at most',
  takesPoints: true,
  measure: (context) =>
    withCampaign(context, (setting) =>
      runCampaign(
        setting,
        {
          lanes: LANES,
          points: (call) => (['dropped before', 'dropped after'] as const).map((kind) => ({ ...call, kind, times: 1 })),
          sprung: ({ worker }) => worker.replace(),
          mayFail: () => false,
        },
        context.draw,
      ),
    ),
};
