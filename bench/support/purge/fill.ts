import { Agent, request as httpRequest } from 'node:http';
import { CreateBucketCommand, PutBucketVersioningCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import { s3Uri } from '../../../contracts/names.js';
import type { TargetLine } from '../../../contracts/purge/index.js';
import type { BenchContext } from '../../scenario.js';

const AT_ONCE = 32;
const BODY = 'x'.repeat(256);

export async function makeVersionedBucket(s3: S3Client, bucket: string): Promise<void> {
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
}

/** Puts so many small objects under a prefix, by plain HTTP: MiniStack asks for no signature, and a client's own work would take most of the time. */
export async function fill(
  { signal }: Pick<BenchContext, 'signal'>,
  endpoint: string,
  { bucket, prefix, count }: { readonly bucket: string; readonly prefix: string; readonly count: number },
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let next = 0;
  const writer = async () => {
    for (let index = next++; index < count; index = next++) {
      signal.throwIfAborted();
      await put(agent, `${endpoint}/${bucket}/${prefix}events-${String(index).padStart(9, '0')}.csv`);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, writer));
  } finally {
    agent.destroy();
  }
}

function put(agent: Agent, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { agent, method: 'PUT', headers: { 'content-length': BODY.length } }, (answer) => {
      answer.resume();
      answer.once('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`PUT of a bench object was answered with ${answer.statusCode}`));
      });
    });
    sent.once('error', reject);
    sent.end(BODY);
  });
}

/** Writes a list of targets and answers with its URI. */
export async function putTargets(
  s3: S3Client,
  bucket: string,
  name: string,
  lines: readonly TargetLine[],
): Promise<string> {
  const Key = `_perennial/targets/${name}.jsonl`;
  const Body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  return s3Uri(bucket, Key);
}

export interface Listed {
  readonly key: string;
  readonly versionId: string;
  readonly marker: boolean;
}

/**
 * Every version and marker under a prefix, by the word of a lister that shares no code with the purge: it asks in pages of its own size, and
 * decodes nothing.
 */
export async function listAll(s3: S3Client, bucket: string, prefix = ''): Promise<Listed[]> {
  const found: Listed[] = [];
  let from: { KeyMarker?: string; VersionIdMarker?: string } = {};
  for (;;) {
    const page = await s3.send(
      new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix, MaxKeys: 900, ...from }),
    );
    for (const { Key = '', VersionId = '' } of page.Versions ?? [])
      found.push({ key: Key, versionId: VersionId, marker: false });
    for (const { Key = '', VersionId = '' } of page.DeleteMarkers ?? [])
      found.push({ key: Key, versionId: VersionId, marker: true });
    if (!page.IsTruncated) return found;
    from = {
      ...(page.NextKeyMarker !== undefined && { KeyMarker: page.NextKeyMarker }),
      ...(page.NextVersionIdMarker !== undefined && { VersionIdMarker: page.NextVersionIdMarker }),
    };
  }
}
