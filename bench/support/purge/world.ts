import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { TargetLine } from '../../../contracts/purge/index.js';
import { listAll, putTargets, type Listed } from './fill.js';

/** Keys under the prefix that is to go, each with two versions; of every second one a marker lies on top. */
const KEYS = 24;
const PREFIX = 'people/ann/';
/** A key that is to go by itself. */
const SINGLE = 'letters/ann.csv';
/** What looks like a target and is none. */
const BYSTANDERS = ['people/ann', 'people/anna/1.csv', 'people/bob/1.csv', 'letters/ann.csv.bak', 'letters/ann.cs'];

const isRecord = ({ key }: Listed) => key.startsWith('_perennial/');
export const isTarget = (key: string) => key.startsWith(PREFIX) || key === SINGLE;

/** A bucket with objects of a person among those of others. */
export class World {
  private constructor(
    readonly s3: S3Client,
    readonly bucket: string,
    /** URI of the list of targets. */
    readonly targetsUri: string,
    private readonly bystanders: readonly Listed[],
  ) {}

  static async make(s3: S3Client, bucket: string, { lock = false } = {}): Promise<World> {
    await s3.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: lock }));
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const put = (Key: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key }));
    for (const key of [...BYSTANDERS, SINGLE]) await put(key);
    await Promise.all(
      Array.from({ length: KEYS }, async (_, index) => {
        const key = `${PREFIX}${index}.csv`;
        await put(key);
        await put(key);
        if (index % 2 === 0) await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
      }),
    );
    const lines: TargetLine[] = [
      { bucket, prefix: PREFIX },
      { bucket, key: SINGLE },
    ];
    const bystanders = (await listAll(s3, bucket)).filter((entry) => !isTarget(entry.key));
    return new World(s3, bucket, await putTargets(s3, bucket, bucket, lines), bystanders);
  }

  /** A version of a target. */
  async someVersion(): Promise<Listed> {
    const versions = (await listAll(this.s3, this.bucket, PREFIX)).filter(({ marker }) => !marker);
    const [first] = versions;
    if (!first) throw new Error(`${this.bucket} has no version under ${PREFIX}`);
    return first;
  }

  /** What the bucket holds now, but for Perennial's records: entries of targets that are left, and what became of the others. */
  async look(): Promise<{ readonly left: number; readonly problems: readonly string[]; readonly listLeft: boolean }> {
    const all = await listAll(this.s3, this.bucket);
    const others = all.filter((entry) => !isTarget(entry.key) && !isRecord(entry));
    const same = JSON.stringify(others) === JSON.stringify(this.bystanders);
    return {
      left: all.filter(({ key }) => isTarget(key)).length,
      problems: same ? [] : [`${this.bystanders.length} entries of others are ${others.length} or changed`],
      listLeft: all.some(({ key }) => key.startsWith('_perennial/targets/')),
    };
  }
}
