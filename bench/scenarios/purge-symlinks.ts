import { once } from 'node:events';
import { mkdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createMountActivities } from '../../activities/mounts/index.js';
import { hashesWith } from '../../activities/keyed-hashes.js';
import { createMirroring } from '../../activities/mounts/mirror.js';
import { s3Uri } from '../../contracts/names.js';
import type { CopiesErased, PurgeWork, TargetLine } from '../../contracts/purge/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { contentUnder, differences, newBucket, storageOf, withFolder } from '../support/mounts.js';
import type { Swapping } from '../support/mounts-swapper.js';
import { withStack } from '../support/stack.js';

const RACES = 10_000;
const FOLDERS = ['a', 'b', 'c', 'd'];
const FILES = 25;
/** Rounds of erasing at the least. */
const PASSES = 20;
/** Of them, objects that the mirror copies while the races go on. */
const MIRRORED = 5;

export const purgeSymlinks: Scenario = {
  name: 'purge-symlinks',
  what: `files outside of the mount that were removed, changed or added by purges and the mirror during ${RACES} swaps of folders for links that lead out`,
  unit: 'files',
  limit: 0,
  bound: 'at most',
  measure: (context) =>
    withStack(context, (stack) => withFolder((home) => measure(context, stack.urls.aws, home)), ['aws']),
};

async function measure({ say, signal }: BenchContext, endpoint: string | undefined, home: string): Promise<Measured> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const [s3, bucket] = [new S3Client({ region: 'us-east-1', endpoint, credentials }), newBucket()];
  try {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    for (const key of mirrored()) await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'mirrored' }));
    say(`${RACES} swaps against purges and the mirror …`);
    const ours = await race({ home: join(home, 'ours'), races: RACES, signal }, (mount) => purging(s3, bucket, mount));
    say('the same against paths that are only checked by their beginning …');
    const naive = await race({ home: join(home, 'naive'), races: RACES, signal }, async (mount) => unlinkByPath(mount));
    return {
      figure: ours.escapes,
      // Without escapes of the naive way the races would prove nothing.
      ok: ours.escapes === 0 && ours.swaps >= RACES && ours.met > 0 && naive.escapes > 0,
      detail: { ours, naive, filesOutside: FOLDERS.length * FILES },
    };
  } finally {
    s3.destroy();
  }
}

const paths = () => FOLDERS.flatMap((folder) => Array.from({ length: FILES }, (_, index) => `${folder}/f${index}`));
const mirrored = () =>
  FOLDERS.flatMap((folder) => Array.from({ length: MIRRORED }, (_, index) => `${folder}/m${index}`));

interface Raced {
  readonly swaps: number;
  /** Rounds of erasing and filling again. */
  readonly passes: number;
  readonly escapes: number;
  /** Links that stood in a path at the moment of a look. */
  readonly met: number;
}

/** Erases on a mount whose folders are swapped meanwhile for links to a tree of the same names outside. */
async function race(
  { home, races, signal }: { home: string; races: number; signal: AbortSignal },
  prepare: (mount: string) => Promise<() => Promise<number>>,
): Promise<Raced> {
  const [mount, outside] = [join(home, 'mount'), join(home, 'outside')];
  for (const folder of FOLDERS) {
    for (const above of [mount, outside]) await mkdir(join(above, folder), { recursive: true });
  }
  await mkdir(`${mount}-set-aside`);
  for (const path of paths()) await writeFile(join(outside, path), `bystander ${path}`);
  const before = await contentUnder(outside);
  const erase = await prepare(mount);
  const shared = new SharedArrayBuffer(8);
  const state = new Int32Array(shared);
  const workerData: Swapping = { mount, outside, names: FOLDERS, shared };
  const swapper = new Worker(fileURLToPath(new URL('../support/mounts-swapper.js', import.meta.url)), { workerData });
  const ended = once(swapper, 'exit');
  let [passes, met] = [0, 0];
  try {
    while (Atomics.load(state, 0) < races || passes < PASSES) {
      signal.throwIfAborted();
      passes += 1;
      await fill(mount);
      met += await erase();
    }
  } finally {
    Atomics.store(state, 1, 1);
    await ended;
  }
  const escapes = differences(before, await contentUnder(outside));
  await rm(home, { recursive: true, force: true });
  return { swaps: Atomics.load(state, 0), passes, escapes, met };
}

/** Puts folders with files to erase in their places, filled before: a link there at the moment leads no write outside. */
async function fill(mount: string): Promise<void> {
  for (const folder of FOLDERS) {
    const filled = join(`${mount}-filled`, folder);
    await mkdir(filled, { recursive: true });
    for (let index = 0; index < FILES; index += 1) await writeFile(join(filled, `f${index}`), 'to erase');
    // Where a link or what is left of the round before stands, that is erased.
    await rename(filled, join(mount, folder)).catch(() => undefined);
  }
}

async function purging(s3: S3Client, bucket: string, mount: string): Promise<() => Promise<number>> {
  const storage = storageOf(bucket, mount);
  const hashes = async () => hashesWith(Buffer.alloc(32));
  const mirroring = createMirroring({ s3, hashes });
  const activities = createMountActivities({ s3, hashes, mirroring });
  const lists = {
    objects: paths().map((key): TargetLine => ({ bucket, key })),
    prefixes: FOLDERS.map((folder): TargetLine => ({ bucket, prefix: `${folder}/` })),
  };
  const works: PurgeWork[] = [];
  for (const [name, targets] of Object.entries(lists)) {
    const key = `_perennial/targets/${name}`;
    const Body = targets.map((target) => `${JSON.stringify(target)}\n`).join('');
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body }));
    const ref = { request: name, execution: name, startedAt: new Date().toISOString() };
    works.push({ ref, storage, targetsUri: s3Uri(bucket, key), options: {} });
  }
  return async () => {
    let met = 0;
    for (const work of works) {
      const { conflicts } = (await new MockActivityEnvironment().run(activities.eraseCopies, work)) as CopiesErased;
      met += conflicts['symbolic link in the path'] ?? 0;
    }
    const copying = mirrored().map((key) => mirroring.mirrorKey(storage, { bucket, key }));
    // A folder that is swapped at every look is given up, which is no escape.
    await Promise.allSettled(copying);
    return met;
  };
}

/** What a check of the path's beginning is worth. */
async function unlinkByPath(mount: string): Promise<() => Promise<number>> {
  return async () => {
    for (const path of paths()) {
      const file = resolve(mount, path);
      if (file.startsWith(`${mount}/`)) await unlink(file).catch(() => undefined);
    }
    return 0;
  };
}
