import type { Observation } from '../../examples/demo/traffic.js';
import type { Measured } from '../scenario.js';
import type { Ending } from './endings.js';
import { round } from './figures.js';
import { sharesSeen, type TrafficStep } from './shares.js';

/** Share of the wanted rate that clients have to reach. */
const LEAST_RATE = 0.95;

/** One release under traffic, as it was seen from outside. */
export interface ReleaseSeen {
  readonly name: string;
  /** Shares of the new model, from before the release to after it. */
  readonly wanted: readonly number[];
  /** What the failure has to say; without it the run is to be Deployed. */
  readonly reason?: RegExp;
  readonly greenConfig: string;
  readonly greenModel: string;
  /** Models that may answer: the old one, then the new one. */
  readonly known: readonly string[];
  /** What the Temporal UI showed of the run's wait during the first bake. */
  readonly shown?: string;
  readonly ending: Ending;
  /** Whether the endpoint is in service on the config that it is to end on. */
  readonly serves: boolean;
  readonly steps: readonly TrafficStep[];
  readonly observations: readonly Observation[];
}

/** What the observations say; `rate` is requests a second that were wanted. */
export function judgeRelease(releases: readonly ReleaseSeen[], rate: number): Measured {
  const judged = releases.map((one) => judgeOne(one, rate));
  return {
    figure: judged.reduce((sum, { lost }) => sum + lost, 0),
    ok: judged.every(({ ok }) => ok),
    detail: { observationFields: ['atMs', 'latencyMs', 'answered', 'index into models'], releases: judged },
  };
}

function judgeOne(seen: ReleaseSeen, rate: number) {
  const { observations, steps, wanted, known, ending, serves, shown } = seen;
  const lost = observations.filter(({ ok }) => !ok);
  const nameless = observations.filter(({ ok, model }) => ok && !known.includes(model ?? ''));
  const shares = sharesSeen(observations, steps, wanted, seen);
  const start = observations[0]?.at ?? 0;
  const requestsPerSecond = observations.length / (((observations.at(-1)?.at ?? 0) - start) / 1_000);
  const endedRight = seen.reason
    ? ending.outcome === 'Failed' && ending.failureType === 'DeploymentRolledBack' && seen.reason.test(ending.reason)
    : ending.outcome === 'Deployed';
  return {
    release: seen.name,
    ok:
      lost.length + nameless.length === 0 &&
      shares.length === wanted.length &&
      shares.every(({ ok }) => ok) &&
      endedRight &&
      serves &&
      requestsPerSecond >= LEAST_RATE * rate,
    lost: lost.length,
    errors: [...new Set(lost.map(({ error }) => error))],
    answeredByNoKnownModel: nameless.length,
    requests: observations.length,
    requestsPerSecond: round(requestsPerSecond, 1),
    ending,
    endedRight,
    endpointServesTheRightConfig: serves,
    waitShown: shown,
    shares,
    models: known,
    steps: steps.map(({ since, shares: weights }) => ({ atMs: round(since - start, 1), shares: weights })),
    observations: observations.map(({ at, ms, ok, model }) => [
      round(at - start, 1),
      round(ms, 1),
      ok ? 1 : 0,
      known.indexOf(model ?? ''),
    ]),
  };
}
