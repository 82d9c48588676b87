import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { definitionSchema, type Definition } from '../../contracts/definition/index.js';
import { entityId, s3Uri } from '../../contracts/names.js';
import { MESSAGES, WORKFLOWS, type RunRequest } from '../../contracts/runs.js';
import { s3Client } from '../../examples/demo/account.js';
import { uploadDays } from '../../examples/demo/bucket.js';
import { buildWeather } from '../../examples/seattle-weather/data.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext } from '../scenario.js';
import { BUCKET, KEY_ALIAS, benchDefinition, prepareBenchAccount, trainPrefix } from './models.js';
import { withClient, withStack } from './stack.js';
import { TrainingJobs } from './training-jobs.js';
import { startWorkerProcess, type WorkerProcess } from './worker-process.js';

/** All models of these scenarios train on the same few files. */
const SHARED = trainPrefix('waiting');
const FILES = 3;
const ARTIFACT = 'artifacts/empty/model.tar.gz';

export interface WaitingSetting extends BenchContext {
  readonly client: Client;
  readonly jobs: TrainingJobs;
  /** Starts a worker; whatever still runs at the end is killed. */
  startWorker(options?: { wait?: boolean }): Promise<WorkerProcess>;
}

/** Everything real but SageMaker, whose training jobs run nothing; workers are the scenario's own. */
export function withWaitingSetting<T>(context: BenchContext, use: (setting: WaitingSetting) => Promise<T>): Promise<T> {
  return withStack(
    context,
    (stack) =>
      withClient(stack, async (client) => {
        const jobs = await TrainingJobs.start();
        const workers: WorkerProcess[] = [];
        try {
          await prepareSharedFiles(stack);
          return await use({
            ...context,
            client,
            jobs,
            async startWorker(options) {
              const worker = await startWorkerProcess(stack, { AWS_ENDPOINT_URL_SAGEMAKER: jobs.url }, options);
              workers.push(worker);
              return worker;
            },
          });
        } finally {
          await Promise.all(workers.map((worker) => worker.kill()));
          await jobs.close();
        }
      }),
    ['temporal', 'aws', 'postgres', 'slack'],
  );
}

/** The account, and the files that all models of `waitingDefinition` train on. */
export async function prepareSharedFiles(stack: Pick<LocalStack, 'env'>): Promise<void> {
  await prepareBenchAccount(stack);
  const s3 = s3Client(stack.env);
  try {
    await uploadDays(s3, { bucket: BUCKET, prefix: SHARED, keyAlias: KEY_ALIAS }, buildWeather().slice(0, FILES));
  } finally {
    s3.destroy();
  }
}

/** A model's archive for jobs that run nothing; nothing is in it, as no program serves it. Answers with its URI. */
export async function putArtifact({ env }: Pick<LocalStack, 'env'>): Promise<string> {
  const s3 = s3Client(env);
  try {
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: ARTIFACT, Body: gzipSync('') }));
    return s3Uri(BUCKET, ARTIFACT);
  } finally {
    s3.destroy();
  }
}

export function waitingDefinition(name: string, poll: string): Definition {
  const { data, ...rest } = benchDefinition(name);
  return definitionSchema.parse({ ...rest, data: { ...data, prefix: SHARED }, waiting: { poll } });
}

/** Wishes for a run of each model, all sent together; an entity that isn't there is started. */
export async function wantRuns(
  client: Client,
  taskQueue: string,
  definitions: readonly Definition[],
  request: RunRequest,
): Promise<void> {
  await Promise.all(
    definitions.map((definition) =>
      client.workflow.signalWithStart(WORKFLOWS.model, {
        workflowId: entityId(definition.name),
        taskQueue,
        args: [{ name: definition.name, definition }],
        signal: MESSAGES.runWanted,
        signalArgs: [request],
      }),
    ),
  );
}

/** Waits until a condition holds. Throws after `withinMs`, and on Ctrl-C. */
export async function until(
  { signal }: Pick<BenchContext, 'signal'>,
  what: string,
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await condition())) {
    signal.throwIfAborted();
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs / 1_000} s: ${what}`);
    await sleep(50);
  }
}

/** When a run's wait for its training job was answered, and when a worker had taken the run on from there (epoch milliseconds). */
export async function endOfWait(run: WorkflowHandle): Promise<{ answered: number; wentOn: number }> {
  const { events } = await run.fetchHistory();
  const all = events ?? [];
  const scheduled = all.find(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'awaitTrainingJob',
  );
  const index = all.findIndex((event) =>
    event.activityTaskCompletedEventAttributes?.scheduledEventId?.eq(scheduled?.eventId ?? 0),
  );
  const next = all.slice(index).find((event) => event.workflowTaskCompletedEventAttributes);
  const answer = all[index];
  if (!answer || !next) throw new Error(`${run.workflowId} did not get beyond its wait`);
  return { answered: tsToMs(answer.eventTime), wentOn: tsToMs(next.eventTime) };
}
