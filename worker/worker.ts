import { NativeConnection, Runtime, Worker, makeTelemetryFilterString } from '@temporalio/worker';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Logger } from 'pino';
import {
  createAuditActivities,
  createDataActivities,
  createEndpointActivities,
  createErasureActivities,
  createEvaluationActivities,
  createInsightActivities,
  createLedgerActivities,
  createMountActivities,
  createLineageActivities,
  createNotifyActivities,
  createOrphanActivities,
  createPrepareActivities,
  createPreparePreview,
  createRecordActivities,
  createResumeActivities,
  createRetentionActivities,
  createRetrainActivities,
  createRowActivities,
  createStorageActivities,
  createDigestOf,
  createTrainingActivities,
  createTransformActivities,
  createTriggerActivities,
  createVersionActivities,
  declaredSources,
} from '../activities/index.js';
import { keyedHashes } from '../activities/keyed-hashes.js';
import { createMirroring, type Mirroring } from '../activities/mounts/mirror.js';
import type { Activities } from '../contracts/activities.js';
import { PREPARE_QUEUE_SUFFIX } from '../contracts/prepare.js';
import { workflowBundle } from './bundle.js';
import { createAwsClients, type AwsClients } from './clients.js';
import type { WorkerConfig } from './config.js';
import { startListener } from './listener/index.js';
import { openLedger, type OpenLedger } from './ledger.js';
import { temporalLogger } from './logging.js';
import { ensureSearchAttributes } from './search-attributes.js';

/** The worker could not start; the message says what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Logger, metrics and log forwarding of the whole process; once, before the first worker. Throws StartError for a metrics address that is taken. */
export function installRuntime(config: WorkerConfig, log: Logger): void {
  try {
    install(config, log);
  } catch (cause) {
    const { message } = cause as Error;
    if (!/prometheus/i.test(message)) throw cause;
    throw new StartError(
      `WORKER_METRICS_ADDRESS ${config.metricsAddress} can't be listened on: ${message}; choose another`,
      { cause },
    );
  }
}

function install(config: WorkerConfig, log: Logger): void {
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
export function createActivities(
  config: Pick<WorkerConfig, 'region' | 'slackApiUrl' | 'temporalUiUrl' | 'taskQueue'>,
  namespace: string,
  aws: AwsClients,
  ledger: Pick<OpenLedger, 'ledger'>,
  mirroring: Mirroring = createMirroring({ ...aws, hashes: keyedHashes(aws.ssm) }),
): Activities {
  const { region, slackApiUrl, temporalUiUrl, taskQueue } = config;
  const hashes = keyedHashes(aws.ssm);
  const data = createDataActivities({ ...aws, region, hashes });
  return {
    ...data,
    ...createResumeActivities({ ...aws, region, hashes, checkData: (input) => data.checkData(input) }),
    ...createOrphanActivities({ ...aws, region }),
    ...createTrainingActivities({ ...aws, region, digestOf: createDigestOf(aws) }),
    ...createTransformActivities(aws),
    ...createEvaluationActivities(aws),
    ...createEndpointActivities({ ...aws, region }),
    ...createVersionActivities(aws),
    ...createRecordActivities(aws),
    ...createNotifyActivities({ ...aws, slackApiUrl, temporalUiUrl, namespace }),
    ...createLedgerActivities({ ...aws, ledger: () => ledger.ledger() }),
    ...createInsightActivities({ ...aws, ledger: () => ledger.ledger() }),
    ...createPreparePreview(aws),
    ...createTriggerActivities({ taskQueue }),
    ...createAuditActivities({ ...aws, ledger: () => ledger.ledger(), hashes }),
    ...createLineageActivities({ ...aws, ledger: () => ledger.ledger(), hashes, declared: declaredSources }),
    ...createRetrainActivities(),
    ...createStorageActivities(),
    ...createMountActivities({ ...aws, hashes, mirroring }),
    ...createRetentionActivities({ ...aws, hashes }),
    ...createRowActivities({ ...aws, hashes, mirroring }),
    ...createErasureActivities({ ...aws, hashes }),
  };
}

export interface RunningWorker {
  readonly worker: Worker;
  /** Rejects if the worker fails. */
  readonly stopped: Promise<void>;
  /** Lets running activities finish within the grace time, then closes every connection. */
  stop(): Promise<void>;
}

/**
 * Connects, checks what the namespace needs, and polls. Temporal's address and namespace come from its standard variables.
 * Throws StartError where Temporal can't be reached; whatever it throws, nothing is left open.
 */
export async function startWorker(config: WorkerConfig, log: Logger): Promise<RunningWorker> {
  const { namespace = 'default', connectionOptions } = loadClientConnectConfig();
  const [connection, workflows] = await Promise.all([connect(connectionOptions), workflowBundle(temporalLogger(log))]);
  const aws = createAwsClients(config);
  const ledger = openLedger(config, aws.ssm, log);
  const close = async () => {
    await Promise.all([connection.close(), ledger.close()]);
    aws.destroy();
  };
  try {
    await ensureSearchAttributes(connection, namespace);
    ledger
      .ledger()
      .catch((error: unknown) =>
        log.warn({ err: error }, 'ledger: not reachable yet; `perennial ledger rebuild` adds the runs it misses'),
      );
    const hashes = keyedHashes(aws.ssm);
    const mirroring = createMirroring({ ...aws, hashes });
    const common = {
      ...{ connection, namespace },
      shutdownGraceTime: `${config.shutdownGraceSeconds}s` as const,
      shutdownForceTime: `${config.shutdownGraceSeconds + 10}s` as const,
      // A cancel comes in with a heartbeat's answer: by default that is one in 48 s where an activity may be silent for a minute.
      maxHeartbeatThrottleInterval: '5s' as const,
    };
    const worker = await Worker.create({
      ...common,
      taskQueue: config.taskQueue,
      workflowBundle: workflows,
      activities: createActivities(config, namespace, aws, ledger, mirroring),
      maxCachedWorkflows: config.maxCachedWorkflows,
      maxConcurrentWorkflowTaskExecutions: config.workflowSlots,
      maxConcurrentActivityTaskExecutions: config.activitySlots,
    });
    // What waits for a statement for hours has slots of its own.
    const preparing = await Worker.create({
      ...common,
      // A statement is to be gone from the warehouse within five seconds of a cancel.
      maxHeartbeatThrottleInterval: '2s',
      taskQueue: `${config.taskQueue}${PREPARE_QUEUE_SUFFIX}`,
      activities: { ...createPrepareActivities({ ...aws, hashes }) },
      maxConcurrentActivityTaskExecutions: config.prepareSlots,
    });
    const { eventsQueueUrl: queueUrl } = config;
    const listener = queueUrl ? startListener({ ...aws, mirroring, queueUrl, connection, namespace, log }) : undefined;
    const workers = [worker, preparing];
    const shutdown = () => workers.forEach((one) => one.getState() === 'RUNNING' && one.shutdown());
    // One that fails takes the other with it: half a worker would pass for a whole one.
    const stopped = Promise.all(workers.map((one) => one.run().finally(shutdown)))
      .finally(async () => {
        await listener?.stop();
        await close();
      })
      .then(() => undefined);
    return {
      worker,
      stopped,
      async stop() {
        shutdown();
        await stopped;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function connect(options: Parameters<typeof NativeConnection.connect>[0]): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(options);
  } catch (cause) {
    throw new StartError(
      `Temporal at ${options?.address ?? 'localhost:7233'} can't be reached: ${(cause as Error).message}. Check that it runs, TEMPORAL_ADDRESS and TEMPORAL_TLS…`,
      { cause },
    );
  }
}
