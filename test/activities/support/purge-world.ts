import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import pLimit from 'p-limit';
import { afterEach } from 'vitest';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { createErasureActivities, type ErasureDependencies } from '../../../activities/purge/index.js';
import { parseS3Uri } from '../../../contracts/names.js';
import {
  tombstonesPrefix,
  type ErasedLeg,
  type PurgeOptions,
  type PurgeWork,
  type TargetLine,
  type TargetReport,
  type Verified,
} from '../../../contracts/purge/index.js';
import { storageSchema, type StorageInput } from '../../../contracts/storage/index.js';
import { startS3Proxy } from './s3-proxy.js';
import { AWS } from './world.js';

export type Versioning = 'unversioned' | 'enabled' | 'suspended';

/** Buckets of its own on MiniStack, and the activities that erase in them. */
export class PurgeWorld {
  readonly bucket = `purge-${randomUUID()}`;
  readonly records = `records-${randomUUID()}`;
  readonly hashes = hashesWith(Buffer.alloc(32, 7));
  readonly s3: S3Client;
  readonly heartbeats: unknown[] = [];
  readonly #limits: ErasureDependencies['limits'];
  #executions = 0;

  constructor({ endpoint = AWS.endpoint, limits }: { endpoint?: string; limits?: ErasureDependencies['limits'] } = {}) {
    this.s3 = new S3Client({ ...AWS, endpoint });
    this.#limits = limits;
  }

  static async make(versioning: Versioning = 'enabled', options?: ConstructorParameters<typeof PurgeWorld>[0]) {
    const world = new PurgeWorld(options);
    await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket }));
    await world.s3.send(new CreateBucketCommand({ Bucket: world.records }));
    if (versioning !== 'unversioned') await world.version(versioning);
    return world;
  }

  async version(to: 'enabled' | 'suspended', bucket = this.bucket): Promise<void> {
    const Status = to === 'enabled' ? 'Enabled' : 'Suspended';
    await this.s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status } }));
  }

  put(key: string, body = 'x', bucket = this.bucket) {
    return this.s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  }

  async putAll(keys: readonly string[], bucket = this.bucket): Promise<void> {
    await pLimit(16).map(keys, (key) => this.put(key, 'x', bucket));
  }

  /** A plain delete: it leaves a marker where there are versions. */
  remove(key: string) {
    return this.s3.send(new DeleteObjectCommand({ Bucket: this.bucket, Key: key }));
  }

  async upload(key: string): Promise<void> {
    await this.s3.send(new CreateMultipartUploadCommand({ Bucket: this.bucket, Key: key }));
  }

  /** What is there, as `key version` or `key marker`, without what Perennial keeps. */
  async left(bucket = this.bucket): Promise<string[]> {
    const { Versions = [], DeleteMarkers = [] } = await this.s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    return [...Versions.map(({ Key }) => `${Key} version`), ...DeleteMarkers.map(({ Key }) => `${Key} marker`)].filter(
      (line) => !line.startsWith('_perennial/'),
    );
  }

  async uploadsLeft(): Promise<number> {
    return (await this.s3.send(new ListMultipartUploadsCommand({ Bucket: this.bucket }))).Uploads?.length ?? 0;
  }

  /** Writes a list of targets; keys and prefixes are of the world's bucket. */
  async work(
    lines: readonly ({ key: string } | { prefix: string } | TargetLine)[],
    {
      options = {},
      storage = {},
      startedAt = new Date(Date.now() + 2_000),
    }: { options?: PurgeOptions; storage?: Partial<StorageInput['storage']>; startedAt?: Date } = {},
  ): Promise<PurgeWork> {
    const execution = `execution-${++this.#executions}`;
    const key = `_perennial/targets/${randomUUID()}.jsonl`;
    await this.put(key, lines.map((line) => JSON.stringify({ bucket: this.bucket, ...line })).join('\n'), this.records);
    return {
      ref: { request: 'request-1', execution, startedAt: startedAt.toISOString() },
      storage: storageSchema.parse({ storage: { records: { bucket: this.records }, ...storage } }).storage,
      targetsUri: `s3://${this.records}/${key}`,
      options,
    };
  }

  get activities() {
    const { s3, hashes } = this;
    const limits = this.#limits;
    return createErasureActivities({ s3, hashes: async () => hashes, ...(limits && { limits }) });
  }

  environment(attempt = 1, heartbeatDetails?: unknown): MockActivityEnvironment {
    const environment = new MockActivityEnvironment(
      { attempt, heartbeatDetails },
      { logger: new DefaultLogger('ERROR') },
    );
    environment.on('heartbeat', (details: unknown) => this.heartbeats.push(details));
    return environment;
  }

  run<A, R>(activity: (input: A) => Promise<R>, input: A, attempt?: number): Promise<R> {
    return this.environment(attempt).run(activity, input);
  }

  erase(work: PurgeWork, leg = 1): Promise<ErasedLeg> {
    return this.run(this.activities.eraseObjects, { ...work, leg });
  }

  verify(work: PurgeWork): Promise<Verified> {
    return this.run(this.activities.verifyObjects, work);
  }

  async text(uri: string): Promise<string> {
    const { bucket, key } = parseS3Uri(uri);
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return (await Body?.transformToString()) ?? '';
  }

  async report({ reportUri }: Verified): Promise<TargetReport[]> {
    const lines = (await this.text(reportUri)).trim().split('\n');
    return lines.map((line) => JSON.parse(line) as TargetReport);
  }

  /** The keyed hashes that a purge left in a bucket. */
  async tombstones(bucket = this.bucket, prefix = tombstonesPrefix('request-1')): Promise<string[]> {
    const { Versions = [] } = await this.s3.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));
    const texts = await Promise.all(Versions.map(({ Key }) => this.text(`s3://${bucket}/${Key}`)));
    return texts.flatMap((text) => text.trim().split('\n')).filter((line) => !/^[+*=~]/.test(line));
  }

  close(): void {
    this.s3.destroy();
  }
}

/** A leg's time and patience that no test comes to the end of. */
const LIMITS = { leg: 600_000, patience: 60_000 };

/** Makes worlds whose S3 goes through a proxy, and closes them after each test. Call it at the top of a file. */
export function worldsBehindProxies() {
  const open: { close(): void | Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  return async (
    handle: Parameters<typeof startS3Proxy>[1],
    { versioning, limits }: { versioning?: Versioning; limits?: Partial<typeof LIMITS> } = {},
  ): Promise<PurgeWorld> => {
    const proxy = await startS3Proxy(AWS.endpoint, handle);
    const world = await PurgeWorld.make(versioning, { endpoint: proxy.endpoint, limits: { ...LIMITS, ...limits } });
    open.push(world, proxy);
    return world;
  };
}
