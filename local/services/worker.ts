import { TASK_QUEUE } from '../../contracts/names.js';
import { compiled } from '../paths.js';
import { answers, type ProcessSpec, responds } from './service.js';
import { NAMESPACE } from './temporal.js';

/** Whether the server has seen a worker ask for both kinds of tasks: a client that looks for one finds it from then on. */
async function polls(uiPort: number, taskQueue: string): Promise<boolean> {
  const queue = `http://127.0.0.1:${uiPort}/api/v1/namespaces/${NAMESPACE}/task-queues/${encodeURIComponent(taskQueue)}`;
  const kinds = ['TASK_QUEUE_TYPE_WORKFLOW', 'TASK_QUEUE_TYPE_ACTIVITY'];
  try {
    const seen = await Promise.all(
      kinds.map(async (kind) => {
        const response = await fetch(`${queue}?taskQueueType=${kind}`, { signal: AbortSignal.timeout(2_000) });
        const { pollers = [] } = (await response.json()) as { pollers?: unknown[] };
        return pollers.length > 0;
      }),
    );
    return seen.every(Boolean);
  } catch {
    // A server that is slow or restarting: not yet.
    return false;
  }
}

/** Perennial's worker, the same program as in production: the environment is all that leads it here. */
export function workerService(
  ports: { health: number; metrics: number; ui: number },
  stackEnv: Readonly<Record<string, string>>,
): ProcessSpec {
  return {
    name: 'worker',
    command: process.execPath,
    args: [compiled('worker/main')],
    env: {
      ...process.env,
      ...stackEnv,
      WORKER_HEALTH_ADDRESS: `127.0.0.1:${ports.health}`,
      WORKER_METRICS_ADDRESS: `127.0.0.1:${ports.metrics}`,
    },
    alive: () => responds(`http://127.0.0.1:${ports.health}/health`),
    readyWithinMs: 60_000,
    stopSignal: 'SIGTERM',
    stopWithinMs: 30_000,
    ready: async () =>
      (await answers(`http://127.0.0.1:${ports.health}/health`)) &&
      polls(ports.ui, process.env.PERENNIAL_TASK_QUEUE || TASK_QUEUE),
  };
}
