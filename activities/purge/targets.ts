import { createHmac } from 'node:crypto';
import { createInterface } from 'node:readline';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { ApplicationFailure } from '@temporalio/common';
import { parseS3Uri } from '../../contracts/names.js';
import type { CopyRule, Storage } from '../../contracts/storage/index.js';
import { SALT, type TargetLine } from '../../contracts/purge/index.js';
import { checkTarget } from '../../contracts/purge/target-line.js';
import { fail, toFailure } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';

/** An object or prefix to erase. */
export type Target = Exclude<TargetLine, { value: string }>;

export const isObject = (target: Target): target is Extract<Target, { key: string }> => 'key' in target;

/** How many faults of a list are told. */
const FAULTS_TOLD = 20;

/** The ETag of a list once it is read: read again by it, it is the same object or a failure. */
export interface Pin {
  etag?: string | undefined;
  /** Of whoever wrote it: gone with the list, and with it every way to guess the list by its hash. */
  salt?: string | undefined;
}

/**
 * Reads a list of targets line by line, in memory of one line: it may have millions. The message of a failure names lines by number, never
 * what stands in them.
 * @throws ResourceMissing if the list is gone; InvalidRequest with the faults of all its lines; RecordConflict if it is not what was pinned
 */
export async function* readTargets(s3: S3Client, targetsUri: string, pin: Pin = {}): AsyncGenerator<TargetLine> {
  const faults: string[] = [];
  let line = 0;
  for await (const text of linesOf(s3, targetsUri, pin)) {
    line += 1;
    const target = parseTarget(text);
    if (typeof target === 'string') {
      faults.push(`line ${line}: ${target}`);
    } else if (faults.length === 0) yield target;
  }
  if (line === 0) faults.push('it is empty');
  if (faults.length === 0) return;
  const more = faults.length > FAULTS_TOLD ? ` and ${faults.length - FAULTS_TOLD} more` : '';
  throw fail('InvalidRequest', `${targetsUri}, the list of targets: ${faults.slice(0, FAULTS_TOLD).join('; ')}${more}`);
}

/** Of a list by its SHA-256 and the salt in its metadata, as its writer makes it. */
export const saltedHash = (salt: string, hash: string): string => createHmac('sha256', salt).update(hash).digest('hex');

/** The list of a purge that has begun is another one by now. */
export const exchanged = (targetsUri: string) =>
  fail(
    'RecordConflict',
    `${targetsUri}, the list of targets, is not the one that the purge began with: find out who wrote there, then start a purge anew with its targets`,
  );

/** The objects and prefixes of a list. */
export async function* readObjects(s3: S3Client, targetsUri: string): AsyncGenerator<Target> {
  for await (const line of readTargets(s3, targetsUri)) if (!('value' in line)) yield line;
}

async function* linesOf(s3: S3Client, uri: string, pin: Pin): AsyncGenerator<string> {
  const { bucket, key } = parseS3Uri(uri);
  try {
    const { Body, ETag, Metadata } = await s3.send(
      new GetObjectCommand({ Bucket: bucket, Key: key, IfMatch: pin.etag }),
    );
    answeredByS3(ETag, uri);
    pin.etag ??= ETag;
    pin.salt ??= Metadata?.[SALT];
    if (!Body) return;
    for await (const line of createInterface({ input: Body as NodeJS.ReadableStream, crlfDelay: Infinity }))
      if (line !== '') yield line;
  } catch (error) {
    if (error instanceof ApplicationFailure) throw error;
    if (error instanceof Error && error.name === 'PreconditionFailed') throw exchanged(uri);
    throw toFailure(error, { resource: uri, action: 'read the list of targets', permission: 's3:GetObject' });
  }
}

/** A line as a target, or what is wrong with it. */
function parseTarget(text: string): TargetLine | string {
  try {
    return checkTarget(JSON.parse(text));
  } catch {
    return 'is not JSON';
  }
}

/** Where a target has declared copies, by the rules whose originals it lies among, and copies of these. Without the target itself. */
export function copiesOf(target: Target, { copies }: Pick<Storage, 'copies'>): Target[] {
  const named = (one: Target) =>
    JSON.stringify([one.bucket, isObject(one) ? 'key' : 'prefix', isObject(one) ? one.key : one.prefix]);
  const found = new Map([[named(target), target]]);
  let last: readonly Target[] = [target];
  // No chain is longer than there are rules: buckets that replicate to each other end here too.
  for (let links = 0; links < copies.length && last.length > 0; links += 1) {
    const next = last.flatMap((one) => copies.flatMap((rule) => copyOf(one, rule) ?? []));
    last = next.filter((one) => !found.has(named(one)));
    for (const one of last) found.set(named(one), one);
  }
  return [...found.values()].slice(1);
}

function copyOf(target: Target, rule: CopyRule): Target | undefined {
  if (target.bucket !== rule.bucket) return undefined;
  if (isObject(target)) {
    if (!target.key.startsWith(rule.prefix)) return undefined;
    return { bucket: rule.toBucket, key: `${rule.toPrefix}${target.key.slice(rule.prefix.length)}${rule.suffix}` };
  }
  // A prefix above the rule's holds all of its originals. A suffix doesn't matter: everything below goes.
  if (rule.prefix.startsWith(target.prefix)) return { bucket: rule.toBucket, prefix: rule.toPrefix };
  if (!target.prefix.startsWith(rule.prefix)) return undefined;
  return { bucket: rule.toBucket, prefix: `${rule.toPrefix}${target.prefix.slice(rule.prefix.length)}` };
}
