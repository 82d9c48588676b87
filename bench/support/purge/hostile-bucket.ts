import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import pLimit from 'p-limit';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { createErasureActivities } from '../../../activities/purge/index.js';
import type { ErasedLeg, PurgeOptions, PurgeWork, TargetLine, Verified } from '../../../contracts/purge/index.js';
import { defaultStorage } from '../../../contracts/storage/index.js';

export const VERSIONINGS = ['unversioned', 'enabled', 'suspended'] as const;
export type Versioning = (typeof VERSIONINGS)[number];

const AT_ONCE = 24;

/** A bucket that hostile keys are put into and purged from, and the bucket of the purge's records. */
export class HostileBucket {
  readonly name = `hostile-${randomUUID()}`;
  readonly records = `records-${randomUUID()}`;

  constructor(
    readonly s3: S3Client,
    readonly versioning: Versioning,
  ) {}

  static async make(s3: S3Client, versioning: Versioning): Promise<HostileBucket> {
    const bucket = new HostileBucket(s3, versioning);
    for (const Bucket of [bucket.name, bucket.records]) await s3.send(new CreateBucketCommand({ Bucket }));
    return bucket;
  }

  /** Puts every key; in a bucket with versions as its history can be: before versioning, twice, removed, suspended. Answers the keys refused. */
  async fill(keys: readonly string[]): Promise<string[]> {
    const refused = new Set<string>();
    await this.#each(keys, 1, (key) => this.put(key).catch(() => refused.add(key)));
    if (this.versioning !== 'unversioned') {
      await this.#version('Enabled');
      const taken = keys.filter((key) => !refused.has(key));
      await this.#each(taken, 2, (key) => this.put(key));
      await this.#each(taken, 3, (key) => this.s3.send(new DeleteObjectCommand({ Bucket: this.name, Key: key })));
      if (this.versioning === 'suspended') {
        await this.#version('Suspended');
        await this.#each(taken, 5, (key) => this.put(key));
      }
    }
    return [...refused];
  }

  async startUploads(keys: readonly string[]): Promise<void> {
    for (const Key of keys) await this.s3.send(new CreateMultipartUploadCommand({ Bucket: this.name, Key }));
  }

  async put(key: string, body = 'x'): Promise<{ versionId: string | undefined; etag: string | undefined }> {
    const { VersionId, ETag } = await this.s3.send(new PutObjectCommand({ Bucket: this.name, Key: key, Body: body }));
    return { versionId: VersionId, etag: ETag };
  }

  /** Runs an erasure to its end, and the verification. */
  async purge(
    targets: readonly TargetLine[],
    { options = {}, startedAt = new Date(Date.now() + 2_000) }: { options?: PurgeOptions; startedAt?: Date } = {},
  ): Promise<{ leg: ErasedLeg; verified: Verified }> {
    const Key = `_perennial/targets/${randomUUID()}.jsonl`;
    const Body = targets.map((target) => JSON.stringify(target)).join('\n');
    await this.s3.send(new PutObjectCommand({ Bucket: this.records, Key, Body }));
    const work: PurgeWork = {
      ref: { request: 'bench', execution: randomUUID(), startedAt: startedAt.toISOString() },
      storage: defaultStorage(this.records),
      targetsUri: `s3://${this.records}/${Key}`,
      options,
    };
    const hashes = hashesWith(Buffer.alloc(32, 7));
    const activities = createErasureActivities({ s3: this.s3, hashes: () => Promise.resolve(hashes) });
    const environment = new MockActivityEnvironment();
    let leg: ErasedLeg | undefined;
    for (let number = 1; !leg?.done; number += 1)
      leg = await environment.run(activities.eraseObjects, { ...work, leg: number });
    return { leg, verified: await environment.run(activities.verifyObjects, work) };
  }

  #version(Status: 'Enabled' | 'Suspended') {
    return this.s3.send(new PutBucketVersioningCommand({ Bucket: this.name, VersioningConfiguration: { Status } }));
  }

  /** Every so-manieth key, many at once. */
  async #each(keys: readonly string[], every: number, work: (key: string) => Promise<unknown>): Promise<void> {
    await pLimit(AT_ONCE).map(
      keys.filter((_, index) => index % every === 0),
      work,
    );
  }
}
