import { DefaultLogger, Worker, type Logger, type WorkerOptions } from '@temporalio/worker';
import type { CompiledWorkerOptions } from '@temporalio/worker/lib/worker-options.js';
import type { WorkflowCreator } from '@temporalio/worker/lib/workflow/interface.js';
import type { WorkflowBundleWithSourceMapAndFilename as Bundle } from '@temporalio/worker/lib/workflow/workflow-worker-thread/input.js';
import { workflowBundle } from '../../worker/bundle.js';

let own: Promise<{ codePath: string }> | undefined;
const ownBundle = () => (own ??= workflowBundle(new DefaultLogger('ERROR')));

/** By the bundle's path, and by that and the names of activities. */
const parsed = new Map<string, Promise<Bundle | undefined>>();
const threads = new Map<string, Promise<WorkflowCreator>>();

function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const one = made.get(key) ?? make();
  made.set(key, one);
  return one;
}

const pathOf = ({ workflowBundle: bundle }: CompiledWorkerOptions) =>
  bundle && 'codePath' in bundle ? bundle.codePath : undefined;

/**
 * A worker whose thread, the one that the workflows run in, stays for the next worker of this process: to load the SDK and the workflows takes
 * longer than most tests do. What runs in it is kept apart as in production, where one thread runs all workflows of a worker.
 */
class ThreadKeepingWorker extends Worker {
  protected static override getOrCreateBundle(options: CompiledWorkerOptions, logger: Logger) {
    const path = pathOf(options);
    const make = () => super.getOrCreateBundle(options, logger);
    return path === undefined ? make() : once(parsed, path, make);
  }

  protected static override async createWorkflowCreator(
    bundle: Bundle,
    options: CompiledWorkerOptions,
    logger: Logger,
  ) {
    const path = pathOf(options);
    const make = () => super.createWorkflowCreator(bundle, options, logger);
    if (path === undefined) return make();
    const thread = await once(threads, [path, ...[...options.activities.keys()].sort()].join(' '), make);
    return { createWorkflow: thread.createWorkflow.bind(thread), destroy: async () => undefined };
  }
}

/** A worker of the real workflows. */
export async function testWorker(options: Omit<WorkerOptions, 'workflowBundle'>): Promise<Worker> {
  return ThreadKeepingWorker.create({ ...options, workflowBundle: await ownBundle() });
}

/** Replays a history by the real workflows; rejects if they would do anything else by now. */
export async function replay(history: unknown): Promise<void> {
  await ThreadKeepingWorker.runReplayHistory({ workflowBundle: await ownBundle() }, history);
}
