import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { bake } from './bake.js';
import type { Fleet } from './fleet.js';
import { alarmsOf, isGradual, sharesOf } from './guardrails.js';
import type { TrafficRouting } from './routing.js';
import type { EndpointRecord, Progress } from './types.js';

/** What takes part in moving traffic from one fleet to the next. */
interface Shift {
  readonly routing: TrafficRouting;
  readonly blue: readonly Fleet[];
  readonly green: Fleet;
  /** Stores how far it has come; a step is taken once that is done. */
  readonly show: (progress: Progress) => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Moves an endpoint's traffic to the pending deployment's fleet as its DeploymentConfig says: step by step, each
 * watched for the wait interval, then the termination wait, in which blue stays up without traffic. A record that was
 * under way starts with the step it was in. Throws what `bake` throws; giving blue its traffic back is the caller's
 * part.
 */
export async function shiftTraffic(ctx: Context, record: EndpointRecord, shift: Shift): Promise<void> {
  const { routing, blue, green, signal } = shift;
  const config = record.pendingDeploymentConfig;
  // A first deployment has nothing to shift from: its config is kept for the updates to come.
  if (!record.current || !isGradual(config)) {
    routing.set([{ fleet: green, weight: 1 }]);
    await drain(blue);
    signal.throwIfAborted();
    return;
  }
  const policy = config?.BlueGreenUpdatePolicy;
  const interval = (policy?.TrafficRoutingConfiguration.WaitIntervalInSeconds ?? 0) * 1000;
  const alarms = alarmsOf(config);
  const shares = sharesOf(config, green.deployment);
  const show = (phase: Progress['phase'], step: number, message: string): Promise<void> =>
    shift.show({ phase, step, since: Date.now(), message });

  for (let step = Math.min(record.progress?.step ?? 0, shares.length - 1); step < shares.length; step += 1) {
    const share = shares[step] as number;
    const text = `Step ${step + 1} of ${shares.length}: ${Math.round(share * 1000) / 10}% of the traffic`;
    await show('ActivatingTraffic', step, text);
    routing.set([
      ...(share < 1 ? blue.map((fleet) => ({ fleet, weight: (1 - share) / blue.length })) : []),
      { fleet: green, weight: share },
    ]);
    await show('Baking', step, text);
    await bake(ctx, { green, alarms, ms: interval, signal });
  }
  await drain(blue);
  await show('Deleting', shares.length - 1, 'The replaced fleet takes no traffic any more');
  await sleep((policy?.TerminationWaitInSeconds ?? 0) * 1000, undefined, { signal });
}

async function drain(fleets: readonly Fleet[]): Promise<void> {
  await Promise.all(fleets.map((fleet) => fleet.drain()));
}
