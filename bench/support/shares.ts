import type { Observation } from '../../examples/demo/traffic.js';
import { binomialInterval } from './binomial.js';

const CONFIDENCE = 0.999;
/** The clocks of two processes of one machine agree at least so well. */
const CLOCKS_MS = 20;

/** A time in which the local SageMaker left the shares as they were; epoch milliseconds, weights by endpoint config. */
export interface TrafficStep {
  readonly since: number;
  readonly until?: number;
  readonly shares: readonly { readonly config: string; readonly weight: number }[];
}

/** What clients saw during one step. */
export interface StepSeen {
  /** Share of green that the release is to have at this step. */
  readonly wanted: number;
  /** Share that the server says it set. */
  readonly set: number;
  readonly seconds: number;
  /** Requests that began and ended within the step, and those of them that green answered. */
  readonly requests: number;
  readonly green: number;
  /** Where `green` has to lie. */
  readonly interval: { readonly least: number; readonly most: number };
  readonly ok: boolean;
}

/** How an endpoint's invocations were shared out, step by step. */
export async function trafficSteps(sagemaker: string | undefined, endpoint: string): Promise<TrafficStep[]> {
  const answer = await fetch(`${sagemaker}/_local/endpoints/${endpoint}/traffic`);
  if (!answer.ok)
    throw new Error(`The local SageMaker does not tell the traffic of ${endpoint}: ${await answer.text()}`);
  return ((await answer.json()) as { steps: TrafficStep[] }).steps;
}

/**
 * What clients saw at each step. A request is of a step if it began and ended in it: of another one nobody knows by which shares it went.
 * @param greenModel what the new model calls itself in its answers
 */
export function sharesSeen(
  observations: readonly Observation[],
  steps: readonly TrafficStep[],
  wanted: readonly number[],
  { greenConfig, greenModel }: { greenConfig: string; greenModel: string },
): StepSeen[] {
  return steps.map(({ since, until = Infinity, shares }, index) => {
    const within = observations.filter(
      ({ ok, at, ms }) => ok && at - CLOCKS_MS >= since && at + ms + CLOCKS_MS < until,
    );
    const green = within.filter(({ model }) => model === greenModel).length;
    const total = shares.reduce((sum, { weight }) => sum + weight, 0);
    const set = (shares.find(({ config }) => config === greenConfig)?.weight ?? 0) / total;
    const share = wanted[index] ?? Number.NaN;
    const interval = binomialInterval(within.length, share, CONFIDENCE);
    return {
      wanted: share,
      set,
      seconds: (Math.min(until, observations.at(-1)?.at ?? since) - since) / 1_000,
      requests: within.length,
      green,
      interval,
      ok: within.length > 0 && Math.abs(set - share) < 1e-9 && green >= interval.least && green <= interval.most,
    };
  });
}
