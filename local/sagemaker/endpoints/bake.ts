import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { answersPing } from '../runtime/serve.js';
import { DeploymentFailure, type Fleet } from './fleet.js';

/** How often green is looked at: four times a bake, but neither more nor less often than this. */
const MOST_OFTEN_MS = 200;
const LEAST_OFTEN_MS = 1_000;
/** Looks in a row in which a program does not answer /ping, and is given up. */
const PINGS_MISSED = 3;
/** How long alarms may be unreadable. */
const BLIND_MS = 30_000;

/** What is watched while traffic stays as it is. */
interface Watch {
  readonly green: Fleet;
  readonly alarms: readonly string[];
  /** How long, in milliseconds; whatever it is, there is one look at its end. */
  readonly ms: number;
  readonly signal: AbortSignal;
}

/**
 * Watches a fleet that has just taken over some traffic, and resolves if all is well at the end. Throws
 * DeploymentFailure, with the FailureReason, as soon as an alarm is in ALARM, does not exist or can't be read, or a
 * program of the fleet ends or stops answering /ping; else what aborted it.
 */
export async function bake(ctx: Context, { green, alarms, ms, signal }: Watch): Promise<void> {
  const end = Date.now() + ms;
  const every = Math.min(Math.max(ms / 4, MOST_OFTEN_MS), LEAST_OFTEN_MS);
  let missed = 0;
  let blindSince: number | undefined;
  for (;;) {
    const over = Date.now() >= end;
    missed = (await isHealthy(green)) ? 0 : missed + 1;
    if (missed >= PINGS_MISSED) throw unhealthy(green, 'did not pass the ping health check');
    const error = await readAlarms(ctx, alarms);
    blindSince = error && (blindSince ?? Date.now());
    if (error && blindSince !== undefined && Date.now() - blindSince >= BLIND_MS) {
      throw new DeploymentFailure(
        `The alarms of the deployment (${alarms.join(', ')}) could not be read from CloudWatch for ${BLIND_MS / 1000} s: ${error.message}`,
        { cause: error },
      );
    }
    signal.throwIfAborted();
    if (over && missed === 0 && !error) return;
    await sleep(over ? every : Math.max(Math.min(every, end - Date.now()), 0), undefined, { signal });
  }
}

async function isHealthy(green: Fleet): Promise<boolean> {
  if (green.crashed) throw unhealthy(green, 'ended by itself while the deployment was being watched');
  const answers = await Promise.all(
    green.processes.map(({ url }) => (url === undefined ? Promise.resolve(false) : answersPing(url))),
  );
  return answers.every(Boolean);
}

function unhealthy({ deployment, processes }: Fleet, what: string): DeploymentFailure {
  const variants = deployment.variants.map(({ name }) => name).join(', ');
  const logs = processes.map(({ logFile }) => logFile).join(', ');
  return new DeploymentFailure(
    `The primary container for production variant ${variants} ${what}. Please check the log of this endpoint: ${logs}`,
  );
}

/** Undefined if no alarm is in ALARM, or the error if they can't be read now. */
async function readAlarms(ctx: Context, names: readonly string[]): Promise<Error | undefined> {
  if (names.length === 0) return undefined;
  let states: ReadonlyMap<string, string>;
  try {
    states = await ctx.alarmStates(names);
  } catch (error) {
    return error as Error;
  }
  const missing = names.filter((name) => !states.has(name));
  if (missing.length > 0) {
    throw new DeploymentFailure(
      `The deployment was rolled back because CloudWatch has no alarm(s) of these names: ${missing.join(', ')}.`,
    );
  }
  const tripped = names.filter((name) => states.get(name) === 'ALARM');
  if (tripped.length === 0) return undefined;
  throw new DeploymentFailure(
    `One or more configured alarm(s) were in ALARM state during the deployment: ${tripped.join(', ')}.`,
  );
}
