import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  CreateModelCommand,
  DescribeEndpointCommand,
  SageMakerClient,
  type CreateModelCommandInput,
  type DescribeEndpointCommandOutput,
  type ProductionVariant,
} from '@aws-sdk/client-sagemaker';
import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { create } from 'tar';
import type { Context, SageMakerConfig } from '../../../local/sagemaker/context.js';
import { startSageMaker, type LocalSageMaker } from '../../../local/sagemaker/server.js';

export const IMAGE = '123456789012.dkr.ecr.us-east-1.amazonaws.com/echo:1';
export const ROLE = 'arn:aws:iam::123456789012:role/sagemaker';
const CREDENTIALS = { accessKeyId: 'test', secretAccessKey: 'test' };
const REGION = 'us-east-1';

/** What one answer of the echo model says. */
export interface EchoAnswer {
  readonly id: string;
  /** Another one for each process. */
  readonly instance: string;
  readonly port: number;
  readonly contentType: string;
  readonly accept?: string;
  readonly bytes: number;
  readonly variant: string;
  readonly attributes: string | undefined;
}

/** A local SageMaker with the echo image, the unmodified SDK's clients of it, and short words for what tests do. */
export class Harness {
  readonly bucket = `models-${randomUUID()}`;
  readonly s3: S3Client;
  stateDir = '';
  #server: LocalSageMaker | undefined;
  #control: SageMakerClient | undefined;
  #runtime: SageMakerRuntimeClient | undefined;

  /** `env` is what the server finds beside the endpoint of the emulated services. */
  constructor(
    readonly awsEndpoint: string,
    readonly env: NodeJS.ProcessEnv = {},
    readonly more: Partial<SageMakerConfig> = {},
  ) {
    this.s3 = new S3Client({ endpoint: awsEndpoint, region: REGION, credentials: CREDENTIALS, forcePathStyle: true });
  }

  async start(): Promise<this> {
    this.stateDir = await mkdtemp(join(tmpdir(), 'sagemaker-endpoints-'));
    await this.s3.send(new CreateBucketCommand({ Bucket: this.bucket }));
    await this.boot();
    return this;
  }

  /** Starts the server on the state folder as it is. */
  async boot(): Promise<void> {
    const images = { echo: fileURLToPath(new URL('echo', import.meta.url)) };
    const { stateDir, more } = this;
    this.#server = await startSageMaker(
      { host: '127.0.0.1', port: 0, region: REGION, accountId: '000000000000', stateDir, images, ...more },
      { env: { ...process.env, AWS_ENDPOINT_URL: this.awsEndpoint, ...this.env } },
    );
    this.attach(this.#server.url);
  }

  /** Speaks to a server at this URL, which need not be the harness's own. */
  attach(endpoint: string): void {
    const options = { endpoint, region: REGION, credentials: CREDENTIALS, maxAttempts: 1 };
    this.#control = new SageMakerClient(options);
    this.#runtime = new SageMakerRuntimeClient(options);
  }

  async shutDown(): Promise<void> {
    this.#control?.destroy();
    this.#runtime?.destroy();
    await this.#server?.close();
    this.#server = undefined;
  }

  async close(): Promise<void> {
    await this.shutDown();
    this.s3.destroy();
    await rm(this.stateDir, { recursive: true, force: true });
  }

  get url(): string {
    return this.#up.url;
  }

  get ctx(): Context {
    return this.#up.ctx;
  }

  get #up(): LocalSageMaker {
    if (!this.#server) throw new Error('the local SageMaker is not running: call start or boot first');
    return this.#server;
  }

  get control(): SageMakerClient {
    if (!this.#control) throw new Error('the local SageMaker is not running: call start or boot first');
    return this.#control;
  }

  /** Adds a control rule. */
  async rule(rule: Record<string, unknown>): Promise<void> {
    const answer = await fetch(`${this.url}/_local/rules`, { method: 'POST', body: JSON.stringify(rule) });
    if (!answer.ok) throw new Error(`control rule refused: ${await answer.text()}`);
  }

  /** Ends the delays of a control rule. */
  async endDelays(id: string): Promise<void> {
    const answer = await fetch(`${this.url}/_local/rules/${id}/end`, { method: 'POST' });
    if (!answer.ok) throw new Error(`rule ${id} has no delays to end: ${await answer.text()}`);
  }

  /** Uploads a model of this id and creates its Model resource; returns the resource's name, which is the id. */
  async model(id: string, environment: Record<string, string> = {}, extra: Partial<CreateModelCommandInput> = {}) {
    const dir = await mkdtemp(join(tmpdir(), 'model-'));
    await writeFile(join(dir, 'id.txt'), id);
    const archive = await create({ gzip: true, cwd: dir }, ['id.txt']).concat();
    await rm(dir, { recursive: true });
    const key = `${id}/model.tar.gz`;
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: archive }));
    await this.control.send(
      new CreateModelCommand({
        ModelName: id,
        ExecutionRoleArn: ROLE,
        PrimaryContainer: { Image: IMAGE, ModelDataUrl: `s3://${this.bucket}/${key}`, Environment: environment },
        ...extra,
      }),
    );
    return id;
  }

  /** Creates a model, unless `extra` names one, and an endpoint configuration of one variant, both of this name; returns it. */
  async config(id: string, environment: Record<string, string> = {}, extra: Partial<ProductionVariant> = {}) {
    if (extra.ModelName === undefined) await this.model(id, environment);
    const variant = { VariantName: 'AllTraffic', ModelName: id, InstanceType: 'ml.m5.large', InitialInstanceCount: 1 };
    await this.control.send(
      new CreateEndpointConfigCommand({
        EndpointConfigName: id,
        ProductionVariants: [{ ...variant, ...extra } as ProductionVariant],
      }),
    );
    return id;
  }

  /** Creates an endpoint and waits until it is in service (or whatever it ends as). */
  async endpoint(name: string, config: string): Promise<DescribeEndpointCommandOutput> {
    await this.control.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: config }));
    return this.settled(name);
  }

  describe(name: string): Promise<DescribeEndpointCommandOutput> {
    return this.control.send(new DescribeEndpointCommand({ EndpointName: name }));
  }

  /** DescribeEndpoint's answer once no change is under way. */
  async settled(name: string): Promise<DescribeEndpointCommandOutput> {
    for (;;) {
      const answer = await this.describe(name);
      if (!['Creating', 'Updating', 'RollingBack', 'Deleting'].includes(String(answer.EndpointStatus))) return answer;
      await sleep(20);
    }
  }

  /** Whether the program that gave this answer still listens. */
  alive(answer: EchoAnswer): Promise<boolean> {
    return fetch(`http://127.0.0.1:${answer.port}/ping`).then(
      (pong) => pong.ok,
      () => false,
    );
  }

  async invoke(name: string, text = 'row', extra: Record<string, string> = {}): Promise<EchoAnswer> {
    if (!this.#runtime) throw new Error('the local SageMaker is not running: call start or boot first');
    const answer = await this.#runtime.send(
      new InvokeEndpointCommand({ EndpointName: name, Body: text, ContentType: 'text/csv', ...extra }),
    );
    return {
      ...(JSON.parse(answer.Body.transformToString()) as EchoAnswer),
      variant: String(answer.InvokedProductionVariant),
      attributes: answer.CustomAttributes,
    };
  }
}
