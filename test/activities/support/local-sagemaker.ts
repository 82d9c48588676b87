import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { CheckDataResult, RunRef } from '../../../contracts/activities.js';
import { definitionSchema, type Definition, type DefinitionInput } from '../../../contracts/definition/index.js';
import { runId } from '../../../contracts/names.js';
import { packagePath } from '../../../local/paths.js';
import type { ControlRule } from '../../../local/sagemaker/context.js';
import { type LocalSageMaker, startSageMaker } from '../../../local/sagemaker/server.js';
import { awsClients } from '../../support/aws.js';

const QUIET = new DefaultLogger('ERROR');
export const REGION = 'us-east-1';
const ROLE = 'arn:aws:iam::000000000000:role/sagemaker';

/** Runs an activity as a worker does, in an attempt of its own. */
export function runActivity<A, R>(activity: (input: A) => Promise<R>, input: A, info: Partial<Info> = {}): Promise<R> {
  const scheduled = { scheduledTimestampMs: Date.now(), startToCloseTimeoutMs: 30_000, ...info };
  return new MockActivityEnvironment(scheduled, { logger: QUIET }).run(activity, input) as Promise<R>;
}

/** Repeats an activity while it fails with InProgress, as the server does. */
export async function untilDone<A, R>(activity: (input: A) => Promise<R>, input: A, withinMs = 30_000): Promise<R> {
  const scheduledTimestampMs = Date.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await runActivity(activity, input, { attempt, scheduledTimestampMs });
    } catch (error) {
      const waiting = error instanceof ApplicationFailure && error.type === 'InProgress';
      if (!waiting || Date.now() > scheduledTimestampMs + withinMs) throw error;
      await new Promise((resolve) => setTimeout(resolve, Number(error.nextRetryDelay)));
    }
  }
}

/** The failure that a call ends in; fails the test if it doesn't. */
export async function failureOf(call: Promise<unknown>): Promise<ApplicationFailure> {
  const outcome = await call.then(
    (value) => new Error(`did not fail, answered ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  if (outcome instanceof ApplicationFailure) return outcome;
  throw outcome;
}

/** A local SageMaker with the example image, a bucket, and a model of its own. */
export class SageMakerWorld {
  readonly model = `m-${randomUUID().slice(0, 8)}`;
  readonly bucket = `perennial-${randomUUID()}`;
  #runs = 0;

  private constructor(
    readonly local: LocalSageMaker,
    readonly s3: S3Client,
    readonly sagemaker: SageMakerClient,
    readonly sagemakerRuntime: SageMakerRuntimeClient,
    private readonly stateDir: string,
  ) {}

  /** `images` are folders of further images, by the name that definitions use. */
  static async make(images: Record<string, string> = {}): Promise<SageMakerWorld> {
    const { endpoint } = inject('aws');
    const stateDir = await mkdtemp(join(tmpdir(), 'perennial-activities-'));
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const local = await startSageMaker(
      {
        host: '127.0.0.1',
        port: 0,
        region: REGION,
        accountId: '000000000000',
        stateDir,
        images: { 'linear-learner': packagePath('examples', 'images', 'linear-learner'), ...images },
      },
      {
        env: {
          ...process.env,
          AWS_ENDPOINT_URL: endpoint,
          AWS_REGION: REGION,
          AWS_ACCESS_KEY_ID: 'test',
          AWS_SECRET_ACCESS_KEY: 'test',
        },
      },
    );
    const config = { endpoint: local.url, region: REGION, credentials };
    const world = new SageMakerWorld(
      local,
      awsClients(endpoint).s3,
      new SageMakerClient(config),
      new SageMakerRuntimeClient(config),
      stateDir,
    );
    await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket }));
    return world;
  }

  definition({ data, ...others }: Partial<Omit<DefinitionInput, 'data'>> & { data?: object } = {}): Definition {
    return definitionSchema.parse({
      name: this.model,
      role: ROLE,
      data: { bucket: this.bucket, ...data },
      training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor', epochs: 2 } },
      ...others,
    });
  }

  /** A new run, one second after the one before. */
  nextRef(): RunRef {
    const runTime = new Date(Date.UTC(2026, 0, 15) + 1_000 * this.#runs++).toISOString();
    return { model: this.model, run: runId(this.model, runTime), runTime };
  }

  /** Uploads objects and a manifest of them, as the check of the data does; returns the train channel. */
  async channel(files: Readonly<Record<string, string>>): Promise<CheckDataResult['channels'][number]> {
    const prefix = `data/${this.model}/train/`;
    const manifest = JSON.stringify([{ prefix: `s3://${this.bucket}/${prefix}` }, ...Object.keys(files)]);
    await Promise.all([
      ...Object.entries(files).map(([name, body]) => this.put(prefix + name, body)),
      this.put('runs/train.manifest', manifest),
    ]);
    return { name: 'train', manifestUri: `s3://${this.bucket}/runs/train.manifest`, files: Object.keys(files).length };
  }

  async put(key: string, body: string): Promise<void> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body }));
  }

  /** Tells the local SageMaker what to do with this model's resources, or with those that `match` names. */
  async rule(rule: Omit<ControlRule, 'id' | 'match'> & Partial<Pick<ControlRule, 'id' | 'match'>>): Promise<void> {
    const body = JSON.stringify({ match: this.model, ...rule });
    const answer = await fetch(`${this.local.url}/_local/rules`, { method: 'POST', body });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async endDelays(id: string): Promise<void> {
    const answer = await fetch(`${this.local.url}/_local/rules/${id}/end`, { method: 'POST' });
    if (!answer.ok) throw new Error(`rule ${id} has no delays to end: ${await answer.text()}`);
  }

  async clearRules(): Promise<void> {
    await fetch(`${this.local.url}/_local/rules`, { method: 'DELETE' });
  }

  async close(): Promise<void> {
    for (const client of [this.s3, this.sagemaker, this.sagemakerRuntime]) client.destroy();
    await this.local.close();
    await rm(this.stateDir, { recursive: true, force: true });
  }
}
