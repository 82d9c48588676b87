import { NativeConnection, Runtime, Worker, makeTelemetryFilterString } from '@temporalio/worker';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Logger } from 'pino';
import {
  createDataActivities,
  createEndpointActivities,
  createLedgerActivities,
  createNotifyActivities,
  createRecordActivities,
  createTrainingActivities,
  createTriggerActivities,
} from '../activities/index.js';
import type { Activities } from '../contracts/activities.js';
import { workflowBundle } from './bundle.js';
import { createAwsClients, type AwsClients } from './clients.js';
import type { WorkerConfig } from './config.js';
import { openLedger, type OpenLedger } from './ledger.js';
import { temporalLogger } from './logging.js';
import { ensureSearchAttributes } from './search-attributes.js';

/** Logger, metrics and log forwarding of the whole process; once, before the first worker. */
export function installRuntime(config: WorkerConfig, log: Logger): void {
  Runtime.install({
    logger: temporalLogger(log),
    // main.ts handles signals: it also closes what is not Temporal's.
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      ...(config.metricsAddress
        ? {
            metrics: {
              prometheus: {
                bindAddress: config.metricsAddress,
                useSecondsForDurations: true,
                countersTotalSuffix: true,
                unitSuffix: true,
              },
            },
          }
        : {}),
    },
  });
}

/** All activities over one set of clients. */
function createActivities(
  config: WorkerConfig,
  namespace: string,
  aws: AwsClients,
  ledger: OpenLedger,
): Activities {
  const { region, slackApiUrl, temporalUiUrl, taskQueue } = config;
  return {
    ...createDataActivities({ ...aws, region }),
    ...createTrainingActivities({ ...aws, region }),
    ...createEndpointActivities({ ...aws, region }),
    ...createRecordActivities(aws),
    ...createNotifyActivities({ ...aws, slackApiUrl, temporalUiUrl, namespace }),
    ...createLedgerActivities({ ...aws, ledger: () => ledger.ledger() }),
    ...createTriggerActivities({ taskQueue }),
  };
}

export interface RunningWorker {
  readonly worker: Worker;
  /** Rejects if the worker fails. */
  readonly stopped: Promise<void>;
  /** Lets running activities finish within the grace time, then closes every connection. */
  stop(): Promise<void>;
}

/** Connects, checks what the namespace needs, and polls. Temporal's address and namespace come from its standard variables. */
export async function startWorker(config: WorkerConfig, log: Logger): Promise<RunningWorker> {
  const aws = createAwsClients(config);
  const ledger = openLedger(config, aws.ssm, log);
  const { namespace = 'default', connectionOptions } = loadClientConnectConfig();
  const [connection, workflows] = await Promise.all([
    NativeConnection.connect(connectionOptions),
    workflowBundle(temporalLogger(log)),
  ]);
  await ensureSearchAttributes(connection, namespace);
  ledger
    .ledger()
    .catch((error: unknown) => log.warn({ err: error }, 'ledger: not reachable yet; runs go on and are indexed later'));
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: config.taskQueue,
    workflowBundle: workflows,
    activities: createActivities(config, namespace, aws, ledger),
    maxCachedWorkflows: config.maxCachedWorkflows,
    maxConcurrentWorkflowTaskExecutions: config.workflowSlots,
    maxConcurrentActivityTaskExecutions: config.activitySlots,
    shutdownGraceTime: `${config.shutdownGraceSeconds}s`,
    shutdownForceTime: `${config.shutdownGraceSeconds + 10}s`,
  });
  const stopped = worker.run().finally(async () => {
    await Promise.all([connection.close(), ledger.close()]);
    aws.destroy();
  });
  return {
    worker,
    stopped,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await stopped;
    },
  };
}
