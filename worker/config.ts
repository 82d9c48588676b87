import { z } from 'zod';
import { TASK_QUEUE } from '../contracts/names.js';

const address = z.string().regex(/^[\w.\-[\]:]+:\d{1,5}$/, { error: 'must be host:port, e.g. 127.0.0.1:9464' });
const slots = (most: number) => z.coerce.number().int().min(2).max(most);

const schema = z.object({
  AWS_REGION: z
    .string({ error: 'is required: the region of SageMaker, S3, SSM and KMS, e.g. us-east-1' })
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, { error: 'must be a region such as us-east-1' }),
  DATABASE_URL: z
    .string({
      error:
        'is required: postgres://… of the ledger, or ssm:/name of an SSM SecureString or file:/path of a file that holds it',
    })
    .regex(/^(postgres(ql)?:\/\/\S+|(ssm|file):\/\S+)$/, {
      error: 'must start with postgres://, ssm:/ or file:/ (its value is not shown)',
    }),
  SLACK_API_URL: z.url({ error: 'must be a URL that ends with /api/' }).optional(),
  TEMPORAL_UI_URL: z.url({ error: 'must be the URL of the Temporal UI' }).optional(),
  WORKER_EVENTS_QUEUE_URL: z.url({ error: 'must be the URL of an SQS queue' }).optional(),
  PERENNIAL_TASK_QUEUE: z.string().min(1).default(TASK_QUEUE),
  WORKER_HEALTH_ADDRESS: address.optional(),
  WORKER_METRICS_ADDRESS: address.optional(),
  WORKER_WORKFLOW_SLOTS: slots(1000).default(40),
  WORKER_ACTIVITY_SLOTS: slots(1000).default(100),
  WORKER_PREPARE_SLOTS: slots(100).default(10),
  WORKER_MAX_CACHED_WORKFLOWS: slots(10_000).default(1000),
  WORKER_SHUTDOWN_GRACE_SECONDS: z.coerce.number().int().min(1).max(600).default(20),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
});

export interface WorkerConfig {
  readonly region: string;
  /** postgres://…, ssm:/parameter or file:/path. Secret. */
  readonly database: string;
  readonly slackApiUrl?: string;
  readonly temporalUiUrl?: string;
  /** SQS queue that receives SageMaker's state changes; waits end by polling alone without it. */
  readonly eventsQueueUrl?: string;
  readonly taskQueue: string;
  /** host:port of the health page; none without. */
  readonly healthAddress?: string;
  /** host:port of the Prometheus metrics; none without. */
  readonly metricsAddress?: string;
  readonly workflowSlots: number;
  readonly activitySlots: number;
  /** Statements in warehouses at once. */
  readonly prepareSlots: number;
  readonly maxCachedWorkflows: number;
  readonly shutdownGraceSeconds: number;
  readonly logLevel: string;
}

/** A configuration with faults; the message has a line for each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the worker's settings from the environment. Throws one ConfigError with all faults; never shows a secret value. */
export function readConfig(env: NodeJS.ProcessEnv): WorkerConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')} ${issue.message}`);
    throw new ConfigError(
      `The worker's environment has ${lines.length === 1 ? 'a fault' : `${lines.length} faults`}:\n${lines.join('\n')}`,
    );
  }
  const value = parsed.data;
  return {
    region: value.AWS_REGION,
    database: value.DATABASE_URL,
    slackApiUrl: value.SLACK_API_URL,
    temporalUiUrl: value.TEMPORAL_UI_URL,
    eventsQueueUrl: value.WORKER_EVENTS_QUEUE_URL,
    taskQueue: value.PERENNIAL_TASK_QUEUE,
    healthAddress: value.WORKER_HEALTH_ADDRESS,
    metricsAddress: value.WORKER_METRICS_ADDRESS,
    workflowSlots: value.WORKER_WORKFLOW_SLOTS,
    activitySlots: value.WORKER_ACTIVITY_SLOTS,
    prepareSlots: value.WORKER_PREPARE_SLOTS,
    maxCachedWorkflows: value.WORKER_MAX_CACHED_WORKFLOWS,
    shutdownGraceSeconds: value.WORKER_SHUTDOWN_GRACE_SECONDS,
    logLevel: value.LOG_LEVEL,
  };
}
