import { setTimeout as sleep } from 'node:timers/promises';
import { HeadObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { s3Uri } from '../../contracts/names.js';
import { tombstonesPrefix, type PurgeWork } from '../../contracts/purge/index.js';
import { LIFTED_PREFIX, listHead, listStones, type PlainTombstones, standingHashes } from '../data/tombstones.js';
import { fail, withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { TargetList } from '../purge/target-list.js';
import { isObject, readObjects, type Target } from '../purge/targets.js';
import { eraseVersions } from './versions.js';

/** Hashes in one list, of 44 bytes each: so many are held at a time. */
const LIST = 50_000;

/** Object targets as hashes, which hold for good; prefixes in plain until settleTombstones. See LineageActivities. */
export async function setTombstones(
  s3: S3Client,
  hashes: KeyedHashes,
  work: PurgeWork,
): Promise<{ objects: number; prefixes: number }> {
  const counts = { objects: 0, prefixes: 0 };
  const buckets = new Map<string, BucketStones>();
  const of = (bucket: string) => {
    const known = buckets.get(bucket) ?? new BucketStones(s3, hashes, work, bucket);
    buckets.set(bucket, known);
    return known;
  };
  const list = await TargetList.read(s3, work, async () => hashes, heartbeat);
  for await (const { target, places } of list.places()) {
    counts[isObject(target) ? 'objects' : 'prefixes'] += 1;
    for (const place of places) await of(place.bucket).add(place);
  }
  for (const stones of buckets.values()) await stones.finish();
  return counts;
}

/** The tombstones of one bucket, written in lists as they come. A retry writes the same lists again. */
class BucketStones {
  private readonly prefixes: string[] = [];
  private list: string[] = [];
  private lists = 0;

  constructor(
    private readonly s3: S3Client,
    private readonly hashes: KeyedHashes,
    private readonly work: PurgeWork,
    private readonly bucket: string,
  ) {}

  async add(target: Target): Promise<void> {
    if (!isObject(target)) this.prefixes.push(target.prefix);
    else if (this.list.push(this.hashes.object(this.bucket, target.key)) === LIST) await this.flush();
  }

  async finish(): Promise<void> {
    const { execution } = this.work.ref;
    // Also without an object: its head tells the key of the hashes that all lists of this purge are made with.
    if (this.list.length > 0 || this.lists === 0) await this.flush();
    if (this.prefixes.length === 0) return;
    const plain: PlainTombstones = { version: 1, prefixes: this.prefixes };
    await this.put(`${execution}.json`, JSON.stringify(plain), 'application/json');
  }

  private async flush(): Promise<void> {
    this.lists += 1;
    heartbeat();
    const body = [listHead(this.hashes), ...this.list, ''].join('\n');
    await this.put(`${this.work.ref.execution}-targets-${this.lists}.txt`, body, 'text/plain');
    this.list = [];
  }

  private put(name: string, body: string, contentType: string): Promise<void> {
    const { ref, storage } = this.work;
    return put(
      this.s3,
      { bucket: this.bucket, key: `${tombstonesPrefix(ref.request)}${name}`, body, contentType },
      storage,
    );
  }
}

/** Removes what stands in plain, of earlier executions of the request too: no two of them run at once. See LineageActivities. */
export async function settleTombstones(
  s3: S3Client,
  hashes: () => Promise<KeyedHashes>,
  work: PurgeWork,
): Promise<void> {
  const { buckets } = await TargetList.read(s3, work, hashes, heartbeat);
  const prefix = tombstonesPrefix(work.ref.request);
  for (const bucket of buckets) await eraseVersions(s3, { bucket, prefix }, ({ key }) => key.endsWith('.json'));
}

/**
 * Lets keys in again. See LineageActivities.
 * @throws InvalidRequest for a prefix: hashes don't tell what lies under it
 */
export async function liftTombstones(s3: S3Client, hashes: KeyedHashes, work: PurgeWork): Promise<{ lifted: number }> {
  const wanted = new Map<string, Set<string>>();
  for await (const target of readObjects(s3, work.targetsUri)) {
    if (!isObject(target)) {
      throw fail(
        'InvalidRequest',
        `${work.targetsUri} names a prefix: tombstones are lifted key by key, as they are hashes by now; name the keys`,
      );
    }
    const known = wanted.get(target.bucket) ?? new Set<string>();
    wanted.set(target.bucket, known.add(hashes.object(target.bucket, target.key)));
  }
  let lifted = 0;
  for (const [bucket, keys] of wanted) lifted += await liftIn(s3, hashes, work, { bucket, keys });
  return { lifted };
}

async function liftIn(
  s3: S3Client,
  hashes: KeyedHashes,
  { ref, storage }: PurgeWork,
  { bucket, keys }: { bucket: string; keys: ReadonlySet<string> },
): Promise<number> {
  const key = `${LIFTED_PREFIX}${ref.execution}.txt`;
  const all = await listStones(s3, bucket);
  // Its own list of an earlier try aside: what that lifted counts again.
  const stones = all.filter((stone) => stone.key !== key);
  const standing = await standingHashes(s3, { bucket, stones, hashes }, keys);
  if (standing.size === 0) return 0;
  const newest = Math.max(...[...standing.values()].map(({ modified }) => modified));
  const body = [listHead(hashes), ...standing.keys(), ''].join('\n');
  // S3 tells whole seconds, and of the same second the tombstone holds: until the clock of the bucket has moved on, the list is written anew.
  for (;;) {
    await put(s3, { bucket, key, body, contentType: 'text/plain' }, storage);
    const about = { resource: s3Uri(bucket, key), action: 'read', permission: 's3:GetObject' };
    const head = await withFailures(about, () => s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })));
    if ((head.LastModified?.getTime() ?? 0) > newest) return standing.size;
    heartbeat();
    await sleep(200, undefined, { signal: cancellationSignal() });
  }
}

async function put(
  s3: S3Client,
  { bucket, key, body, contentType }: { bucket: string; key: string; body: string; contentType: string },
  { records }: PurgeWork['storage'],
): Promise<void> {
  const permission = records.key ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
  await withFailures({ resource: s3Uri(bucket, key), action: 'write', permission }, () =>
    s3.send(
      new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: body,
        ContentType: contentType,
        ...(records.key && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: records.key }),
      }),
    ),
  );
}
