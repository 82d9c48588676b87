import { fork } from 'node:child_process';
import { compiled } from '../../local/paths.js';
import type { Env } from './account.js';

export interface TrafficPlan {
  readonly endpoint: string;
  /** CSV rows without label, sent in turn. */
  readonly rows: readonly string[];
  readonly intervalMs: number;
}

/** One request as its client saw it. Times in milliseconds, `at` since the epoch. */
export interface Observation {
  readonly at: number;
  readonly ms: number;
  readonly ok: boolean;
  /** Id of the model that answered: the answer's custom attribute `model`. */
  readonly model?: string;
  readonly error?: string;
}

export type TrafficMessage =
  { readonly type: 'started' } | { readonly type: 'ended'; readonly observations: readonly Observation[] };

export interface Traffic {
  /** Lets open requests end and answers with everything observed. */
  stop(): Promise<readonly Observation[]>;
  /** Ends the process whatever it does; nothing happens if it has ended. */
  kill(): void;
}

/** Starts a client of the endpoint in a process of its own; resolves once its first request was answered. */
export async function startTraffic(env: Env, plan: TrafficPlan): Promise<Traffic> {
  const child = fork(compiled('examples/demo/traffic-process'), [JSON.stringify(plan)], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [],
  });
  const next = () =>
    new Promise<TrafficMessage>((resolve, reject) => {
      const ended = (code: number | null) =>
        reject(new Error(`The client of endpoint ${plan.endpoint} ended with code ${code} before it reported.`));
      child.once('exit', ended);
      child.once('message', (message: TrafficMessage) => {
        child.off('exit', ended);
        resolve(message);
      });
    });
  await next();
  return {
    async stop() {
      const report = next();
      child.send({ type: 'stop' });
      const message = await report;
      return message.type === 'ended' ? message.observations : [];
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

export interface TrafficSummary {
  readonly requests: number;
  readonly failed: number;
  readonly p99Ms: number;
}

/** The value below which a share of the values lies (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function summariseTraffic(observations: readonly Observation[]): TrafficSummary {
  return {
    requests: observations.length,
    failed: observations.filter(({ ok }) => !ok).length,
    p99Ms:
      Math.round(
        percentile(
          observations.map(({ ms }) => ms),
          0.99,
        ) * 10,
      ) / 10,
  };
}
