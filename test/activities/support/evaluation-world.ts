import { GetObjectCommand, ListObjectVersionsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SSMClient } from '@aws-sdk/client-ssm';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create } from 'tar';
import { inject } from 'vitest';
import { createDataActivities } from '../../../activities/data/index.js';
import { createEndpointActivities } from '../../../activities/endpoint/index.js';
import { createEvaluationActivities } from '../../../activities/evaluation/index.js';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import type { RunRef } from '../../../contracts/activities.js';
import type { Definition, DefinitionInput } from '../../../contracts/definition/index.js';
import type { Evaluation, EvaluationStarted, Holdout } from '../../../contracts/evaluation.js';
import { parseS3Uri, runId } from '../../../contracts/names.js';
import { REGION, runActivity, SageMakerWorld, untilDone } from './local-sagemaker.js';

/** What the model of `sum-image` does: see its `serve`. */
export interface Settings {
  readonly factor?: number;
  readonly bias?: number;
  /** What the endpoint adds, which a batch transform doesn't. */
  readonly endpointBias?: number;
  /** Rows that have this are answered with an error. */
  readonly refuses?: string;
  /** Answered in place of each row. */
  readonly text?: string;
  /** Answered after the rows. */
  readonly extra?: string;
}

/** A run that has come as far as its evaluation. */
export interface Judged {
  readonly ref: RunRef;
  readonly definition: Definition;
  readonly image: string;
  readonly artifactUri: string;
  readonly trainingJob: string;
  readonly fileRecordUri: string;
  readonly manifestUri: string;
  readonly holdout: Holdout;
  readonly round: number;
}

const SUM_IMAGE = fileURLToPath(new URL('./sum-image/', import.meta.url));

/** Runs up to their evaluation, over a local SageMaker that transforms for real. */
export class EvaluationWorld {
  readonly activities;
  readonly endpoints;
  readonly data;
  private runs = 0;

  private constructor(
    readonly world: SageMakerWorld,
    private readonly ssm: SSMClient,
  ) {
    const { s3, sagemaker, sagemakerRuntime } = world;
    this.activities = createEvaluationActivities({ s3, sagemaker });
    this.endpoints = createEndpointActivities({ s3, sagemaker, sagemakerRuntime, region: REGION });
    this.data = createDataActivities({ s3, ssm, sagemaker, region: REGION, hashes: keyedHashes(ssm) });
  }

  static async make(): Promise<EvaluationWorld> {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const ssm = new SSMClient({ endpoint: inject('aws').endpoint, region: REGION, credentials });
    return new EvaluationWorld(await SageMakerWorld.make({ sum: SUM_IMAGE }), ssm);
  }

  /** A definition of a model of its own that is judged on the last two of its days. */
  definition(name: string, others: Partial<DefinitionInput> = {}): Definition {
    return this.world.definition({
      name,
      training: { image: 'sum' },
      evaluation: { metric: 'rmse', holdout: 'P2D' },
      ...(others as object),
      data: { ...others.data },
    });
  }

  /** Uploads dated files of a model's train channel: rows of a label and some features. */
  async upload(name: string, files: Readonly<Record<string, string>>): Promise<void> {
    await Promise.all(Object.entries(files).map(([file, body]) => this.world.put(`data/${name}/train/${file}`, body)));
  }

  /** A run of the definition whose training came to a model with these settings. */
  async trained(definition: Definition, settings: Settings = {}, asOf = '2026-01-31'): Promise<Judged> {
    const runTime = new Date(Date.UTC(2026, 1, 1) + 1_000 * this.runs++).toISOString();
    const ref = { model: definition.name, run: runId(definition.name, runTime), runTime };
    const checked = await runActivity(this.data.checkData, { ref, definition, asOf, force: true });
    const { fileRecordUri, manifestUri, holdout } = checked;
    if (!fileRecordUri || !manifestUri || !holdout) throw new Error('the check of the data found no holdout');
    return {
      ref,
      definition,
      image: definition.training.image ?? '',
      artifactUri: await this.artifact(ref, settings),
      trainingJob: 'none',
      fileRecordUri,
      manifestUri,
      holdout,
      round: 1,
    };
  }

  async start(judged: Judged): Promise<EvaluationStarted> {
    const started = await runActivity(this.activities.startEvaluation, judged);
    const transformJobs = [started.transformJob, started.live?.transformJob].filter((job) => job !== undefined);
    await untilDone(this.activities.awaitTransforms, { ref: judged.ref, transformJobs, poll: '1s' });
    return started;
  }

  async evaluate(judged: Judged): Promise<Evaluation> {
    const started = await this.start(judged);
    return runActivity(this.activities.scoreModels, { ...judged, started });
  }

  /** Puts a run's model on the endpoint; without `serving` the endpoint only says that it is in service. */
  async deploy(judged: Judged, { serving = false } = {}): Promise<void> {
    if (!serving) await this.world.rule({ match: judged.ref.model, kind: 'endpoint', action: 'complete' });
    const { endpoint, endpointConfig } = await runActivity(this.endpoints.startDeployment, judged);
    const { ref } = judged;
    await untilDone(this.endpoints.awaitEndpoint, { ref, endpoint, endpointConfig, poll: '1s' });
  }

  async text(uri: string): Promise<string> {
    const { bucket, key } = parseS3Uri(uri);
    const { Body } = await this.world.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return (await Body?.transformToString()) ?? '';
  }

  /** Keys below a prefix, every version once. */
  async keys(Prefix: string): Promise<string[]> {
    const page = await this.world.s3.send(new ListObjectVersionsCommand({ Bucket: this.world.bucket, Prefix }));
    return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key = '' }) => Key);
  }

  async close(): Promise<void> {
    this.ssm.destroy();
    await this.world.close();
  }

  private async artifact({ run }: RunRef, settings: Settings): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'perennial-model-'));
    try {
      await writeFile(join(dir, 'settings.json'), JSON.stringify(settings));
      await create({ gzip: true, cwd: dir, file: join(dir, 'model.tar.gz') }, ['settings.json']);
      const Key = `${run}/model.tar.gz`;
      const Body = await readFile(join(dir, 'model.tar.gz'));
      await this.world.s3.send(new PutObjectCommand({ Bucket: this.world.bucket, Key, Body }));
      return `s3://${this.world.bucket}/${Key}`;
    } finally {
      await rm(dir, { recursive: true });
    }
  }
}
