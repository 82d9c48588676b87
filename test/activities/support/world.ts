import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { GetParameterCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import { inject } from 'vitest';
import { createDataActivities } from '../../../activities/data/index.js';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import { createRecordActivities } from '../../../activities/record.js';
import { definitionSchema } from '../../../contracts/definition/index.js';
import type { Definition, DefinitionInput } from '../../../contracts/definition/index.js';
import type { CheckDataInput, CheckDataResult, RunRef } from '../../../contracts/activities.js';
import { readText } from '../../../activities/s3/objects.js';
import { parseS3Uri, runId } from '../../../contracts/names.js';

export const AWS = {
  region: 'us-east-1',
  endpoint: inject('aws').endpoint,
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

const QUIET = new DefaultLogger('ERROR');

/** Runs an activity as a worker does, without its log of failures. */
export function runActivity<A, R>(activity: (input: A) => Promise<R>, input: A, client?: Client): Promise<R> {
  return new MockActivityEnvironment({}, { logger: QUIET, client }).run(activity, input);
}

type Overrides = Partial<Omit<DefinitionInput, 'data'>> & { data?: Partial<DefinitionInput['data']> };

/** A model of its own in a bucket of its own, with the activities that look at its data and record its runs. */
export class World {
  readonly s3 = new S3Client(AWS);
  readonly ssm = new SSMClient(AWS);
  readonly sagemaker = new SageMakerClient(AWS);
  readonly bucket = `perennial-${randomUUID()}`;
  readonly model = `m-${randomUUID().slice(0, 8)}`;
  readonly hashes = keyedHashes(this.ssm);
  readonly data = createDataActivities({
    s3: this.s3,
    ssm: this.ssm,
    sagemaker: this.sagemaker,
    region: AWS.region,
    hashes: this.hashes,
  });
  readonly record = createRecordActivities({ s3: this.s3, ssm: this.ssm });
  #runs = 0;

  static async make(): Promise<World> {
    const world = new World();
    await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket }));
    return world;
  }

  definition({ data, ...others }: Overrides = {}): Definition {
    return definitionSchema.parse({
      name: this.model,
      role: 'arn:aws:iam::000000000000:role/sagemaker',
      data: { bucket: this.bucket, prefix: 'data/x/train/', ...data },
      training: { algorithm: 'linear-learner' },
      ...others,
    });
  }

  /** Uploads an object by its name under the train prefix, or by its whole key if that starts with `data/`. */
  async put(name: string, body = 'some,row\n'): Promise<void> {
    const Key = name.startsWith('data/') ? name : `data/x/train/${name}`;
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key, Body: Buffer.from(body) }));
  }

  async putAll(names: readonly string[]): Promise<void> {
    await pLimit(32).map(names, (name) => this.put(name));
  }

  /** A new run, one second after the one before. */
  nextRef(): RunRef {
    const runTime = new Date(Date.UTC(2026, 0, 15) + 1_000 * this.#runs++).toISOString();
    return { model: this.model, run: runId(this.model, runTime), runTime };
  }

  input(options: Partial<CheckDataInput> = {}): CheckDataInput {
    return { ref: this.nextRef(), definition: this.definition(), asOf: '2026-01-10', force: false, ...options };
  }

  check(options: Partial<CheckDataInput> = {}): Promise<CheckDataResult> {
    return this.run(this.data.checkData, this.input(options));
  }

  /** Runs an activity as a worker does. */
  run<A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R> {
    return runActivity(activity, input);
  }

  /** A run that is checked and recorded as deployed. */
  async deploy(options: Partial<CheckDataInput> = {}): Promise<CheckDataResult> {
    const input = this.input(options);
    const result = await this.run(this.data.checkData, input);
    if (result.fileRecordUri === undefined || result.newestDate === undefined) throw new Error('nothing to deploy');
    const { ref, definition } = input;
    const { fileRecordUri, dataHash, definitionHash, newestDate } = result;
    const deployedAt = new Date(Date.parse(ref.runTime) + 500).toISOString();
    await this.run(this.record.recordOutcome, {
      ref,
      definition,
      newestDate,
      outcome: {
        version: 1,
        run: ref.run,
        temporalRunId: 'temporal-run',
        model: this.model,
        outcome: 'Deployed',
        reason: 'all went well',
        trigger: 'manual',
        startedAt: ref.runTime,
        endedAt: deployedAt,
        stages: {},
        metrics: [],
        warnings: [],
        fileRecordUri,
        dataHash,
        definitionHash,
        endpoint: this.model,
        endpointConfig: `${this.model}-config`,
        deployedAt,
      },
    });
    return result;
  }

  setParameter(value: string, type: 'String' | 'SecureString' = 'String') {
    const Name = this.definition().data.parameter;
    return this.ssm.send(new PutParameterCommand({ Name, Value: value, Type: type, Overwrite: true }));
  }

  async parameter(): Promise<string | undefined> {
    const answer = await this.ssm.send(new GetParameterCommand({ Name: this.definition().data.parameter }));
    return answer.Parameter?.Value;
  }

  async json(uri: string | undefined): Promise<unknown> {
    const { bucket, key } = parseS3Uri(uri ?? '');
    return JSON.parse((await readText(this.s3, bucket, key))?.body ?? 'null');
  }

  close(): void {
    for (const client of [this.s3, this.ssm, this.sagemaker]) client.destroy();
  }
}
