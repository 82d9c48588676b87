import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Control, type ControlRule, type Plan } from './context.js';

/** AWS's text, FailureReason of endpoints and, after `CapacityError: `, of jobs. */
export const NO_CAPACITY =
  'Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. Please retry using a different ML instance type or after some time.';

/** Refuses a Create or Update as SageMaker does over a quota. `usage` is its name there: `ml.m5.large for endpoint usage`. */
export function refuseOverQuota({ fault }: Plan, usage: string, unit: string, delta = 1): void {
  if (fault?.action !== 'quota') return;
  const text = `The account-level service limit '${usage}' is 0 ${unit}, with current utilization of 0 ${unit} and a request delta of ${delta} ${unit}. Please use AWS Service Quotas to request an increase for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase for this quota.`;
  throw new ApiError('ResourceLimitExceeded', fault.reason ?? text);
}

/** True if nothing of the plan takes time: then it is carried out before the request is answered. */
export function isAtOnce({ canned, fault }: Plan): boolean {
  return canned && !fault?.delayMs && fault?.action !== 'status';
}

/** What is left of a plan after a restart, which cuts every delay short. */
export function afterRestart(plan: Plan | undefined): Plan | undefined {
  if (!plan?.fault?.delayMs) return plan;
  const { delayMs: _, ...fault } = plan.fault;
  const over = fault.action === 'slow' || fault.action === 'status';
  return over ? { canned: plan.canned } : { ...plan, fault };
}

/** Waits as long as a rule says or until its delays are ended, or throws what aborted it. */
export async function pause({ id, delayMs }: ControlRule, control: Control, signal: AbortSignal): Promise<void> {
  const ends = AbortSignal.any([signal, control.delaysOf(id)]);
  if (delayMs) await sleep(delayMs, undefined, { signal: ends }).catch(() => undefined);
  signal.throwIfAborted();
}

/** Waits until `signal` is aborted, and throws its reason: an unknown status that stays. */
export async function forGood(signal: AbortSignal): Promise<never> {
  while (!signal.aborted) await sleep(2 ** 31 - 1, undefined, { signal });
  throw signal.reason as Error;
}
