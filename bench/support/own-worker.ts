import { DefaultLogger, Runtime, Worker, makeTelemetryFilterString, type WorkerOptions } from '@temporalio/worker';
import pg from 'pg';
import type { Env } from '../../examples/demo/account.js';
import { migrate } from '../../ledger/migrate.js';
import { createLedger } from '../../ledger/store.js';
import { workflowBundle } from '../../worker/bundle.js';
import { createAwsClients } from '../../worker/clients.js';
import { createActivities } from '../../worker/worker.js';

const quiet = new DefaultLogger('ERROR');

/** Installs the quiet runtime of this process; before its first worker and connection. */
export function quietRuntime(): void {
  Runtime.install({
    logger: quiet,
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
}

/** What a scenario changes about a worker. */
type Own = Pick<
  WorkerOptions,
  'connection' | 'namespace' | 'interceptors' | 'maxCachedWorkflows' | 'workflowBundle'
> & {
  readonly taskQueue: string;
};

/** Runs `use` beside a worker in this process: production's workflows and activities, led to services by `env`, and a scenario's own options. */
export async function withOwnWorker<T>(env: Env, own: Own, use: () => Promise<T>): Promise<T> {
  const before = { ...process.env };
  // Production's clients find their services by the environment, at their first use.
  Object.assign(process.env, env);
  const region = env['AWS_REGION'] ?? '';
  const aws = createAwsClients({ region });
  const pool = new pg.Pool({ connectionString: env['DATABASE_URL'] });
  try {
    await migrate(pool);
    const worker = await Worker.create({
      workflowBundle: await workflowBundle(quiet),
      ...own,
      activities: createActivities(
        { region, slackApiUrl: env['SLACK_API_URL'], taskQueue: own.taskQueue },
        own.namespace ?? 'default',
        aws,
        { ledger: async () => createLedger(pool) },
      ),
    });
    return await worker.runUntil(use);
  } finally {
    await pool.end();
    aws.destroy();
    process.env = before;
  }
}
