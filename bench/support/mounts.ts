import { mkdtemp, readdir, readFile, lstat, rm } from 'node:fs/promises';
import { createHash, randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3';
import { storageSchema, type Storage } from '../../contracts/storage/index.js';

/** Uses a folder that stands for a mounted file system, and removes it. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-mount-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Declared storage with one mirror of a whole bucket, whose files whoever measures owns. */
export function storageOf(bucket: string, path: string): Storage {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const mirrors = [{ bucket, path, mountPoint: false, uid, gid }];
  return storageSchema.parse({ storage: { records: { bucket }, mirrors } }).storage;
}

export const newBucket = () => `bench-${randomUUID()}`;

/** Every file below a folder with the MD5 of its content, links with what they are. The mirror's folder for copies under way is left out. */
export async function contentUnder(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (entry.isDirectory() || name.startsWith('.perennial/')) continue;
    const stats = await lstat(path);
    found.set(
      name,
      stats.isFile()
        ? createHash('md5')
            .update(await readFile(path))
            .digest('hex')
        : 'no file',
    );
  }
  return found;
}

/** Every object of a bucket with the MD5 that its ETag is, by a listing. */
export async function contentOf(s3: S3Client, bucket: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken }));
    for (const { Key = '', ETag = '' } of page.Contents ?? []) found.set(Key, ETag.replaceAll('"', ''));
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
  return found;
}

/** How many names differ, or have another content. */
export function differences(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): number {
  const names = new Set([...one.keys(), ...other.keys()]);
  return [...names].filter((name) => one.get(name) !== other.get(name)).length;
}
