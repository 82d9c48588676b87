import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { inject } from 'vitest';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { createMirroring } from '../../../activities/mounts/mirror.js';
import { createRowActivities } from '../../../activities/rows/index.js';
import type { PurgeOptions, PurgeWork, TargetLine } from '../../../contracts/purge/index.js';
import { storageSchema, type StorageInput } from '../../../contracts/storage/index.js';
import { awsClients } from '../../support/aws.js';

const QUIET = new DefaultLogger('ERROR');

export const { s3 } = awsClients(inject('aws').endpoint);
export const hashes = hashesWith(Buffer.alloc(32, 3));
export const mirroring = createMirroring({ s3, hashes: async () => hashes });
/** The activities over a client of one's own. */
export const over = (client: typeof s3) =>
  createRowActivities({ s3: client, hashes: () => Promise.resolve(hashes), mirroring });
export const activities = over(s3);

/** Bucket of the test, which `useBucket` makes. */
export let bucket: string;
/** What the activities of the test told Temporal. */
export const heartbeats: unknown[] = [];

/** A bucket besides the test's own. */
export async function newBucket(versioning?: 'Enabled' | 'Suspended'): Promise<string> {
  const name = `perennial-${randomUUID()}`;
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  if (versioning) {
    const VersioningConfiguration = { Status: versioning };
    await s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
  }
  return name;
}

/** Begins a test with a bucket of its own. */
export async function useBucket(versioning?: 'Enabled' | 'Suspended'): Promise<void> {
  bucket = await newBucket(versioning);
  heartbeats.length = 0;
}

/** Runs an activity as a worker does. */
export function run<A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R> {
  const environment = new MockActivityEnvironment({}, { logger: QUIET });
  environment.on('heartbeat', (details: unknown) => heartbeats.push(details));
  return environment.run(activity, input) as Promise<R>;
}

/** Uploads to the test's bucket. */
export const put = (Key: string, Body: string | Buffer, others: Partial<PutObjectCommandInput> = {}) =>
  s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ...others }));

export async function bytesOf(Key: string, Bucket = bucket): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
export const textOf = async (key: string) => (await bytesOf(key)).toString();

/** What is kept of a key: versions and markers. */
export async function kept(key: string, Bucket = bucket) {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: key }));
  return { versions: Versions.length, markers: DeleteMarkers.length };
}

interface Wish {
  readonly targets?: readonly TargetLine[];
  readonly values?: readonly string[];
  readonly options?: PurgeOptions;
  readonly storage?: Partial<StorageInput['storage']>;
}

/** A purge of the rows whose second field is one of the values, below `data/`. */
export async function work({
  targets = [{ bucket, prefix: 'data/' }],
  values = ['anna'],
  options = { column: 2 },
  storage = {},
}: Wish = {}): Promise<PurgeWork> {
  const key = `_perennial/targets/${randomUUID()}.jsonl`;
  const lines = [...targets, ...values.map((value) => ({ value }))];
  await put(key, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return {
    ref: { request: 'r-1', execution: randomUUID(), startedAt: new Date().toISOString() },
    storage: storageSchema.parse({ storage: { records: { bucket }, ...storage } }).storage,
    targetsUri: `s3://${bucket}/${key}`,
    options,
  };
}

export const erase = async (wish?: Wish) => run(activities.eraseRows, await work(wish));

/** The client, with something that happens just before its first command of a kind for a key, or before each. */
export function interrupted(command: string, key: string, happens: () => Promise<unknown>, always = false): typeof s3 {
  let first = true;
  const { s3: client } = awsClients(inject('aws').endpoint);
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (first && context.commandName === command && (args.input as { Key?: string }).Key === key) {
        first = always;
        await happens();
      }
      return next(args);
    },
    { step: 'initialize' },
  );
  return client;
}
