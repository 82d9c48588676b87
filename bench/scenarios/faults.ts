import { FAILURES, isFailureType } from '../../contracts/failures.js';
import { runCampaign } from '../support/campaign/campaign.js';
import type { Point, RecordedCall } from '../support/campaign/points.js';
import { withCampaign } from '../support/campaign/setting.js';
import { watchRequests } from '../support/campaign/requests.js';
import { FAULT_KINDS, type FaultKind } from '../support/faults/index.js';
import type { Scenario } from '../scenario.js';

/** Most of a point's time is a client's patience. */
const LANES = 16;
/** The SDK tries a call three times by itself: so many faults in succession reach the activity. */
const SDK_ATTEMPTS = 3;
export const faults: Scenario = {
  name: 'faults',
  what: 'points of a run (each call × each fault of the proxy) after which it ends otherwise than docs/failures.md says, or loses a request',
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
          points: faultsOf,
          sprung: () => undefined,
          // What a service says when all is well can still be nonsense: then a run may stop and say so, typed, and never for what passes.
          mayFail: ({ type }, { kind }) =>
            kind === 'wrong body' && isFailureType(type) && FAILURES[type] !== 'transient',
          during: (definition, run) => watchRequests(setting, definition, run),
        },
        context.draw,
      ),
    ),
};

/** How often each fault comes: what passes at once as often as the SDK tries, what takes a client's patience once. */
const TIMES: Readonly<Record<FaultKind, readonly number[]>> = {
  throttle: [SDK_ATTEMPTS],
  'internal error': [SDK_ATTEMPTS],
  'time-out': [1],
  'dropped before': [SDK_ATTEMPTS],
  // Once: the SDK's own next try meets its own effect. Three times: the activity's does.
  'dropped after': [1, SDK_ATTEMPTS],
  'slow body': [1],
  'wrong body': [1],
};

function faultsOf(call: RecordedCall): Point[] {
  // A body without content can't be slow.
  const kinds = FAULT_KINDS.filter((kind) => kind !== 'slow body' || call.bytes > 0);
  return kinds.flatMap((kind) => TIMES[kind].map((times) => ({ ...call, kind, times })));
}
