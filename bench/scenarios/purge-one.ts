import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DeleteObjectCommand, ListObjectVersionsCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { stringify } from 'yaml';
import { s3Client } from '../../examples/demo/account.js';
import { perennialOk } from '../../examples/demo/perennial.js';
import { packagePath } from '../../local/paths.js';
import type { LocalStack } from '../../local/index.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';
import { percentile, round } from '../support/figures.js';
import { BUCKET, prepareBenchAccount } from '../support/models.js';
import { withFolder } from '../support/mounts.js';
import { withStack } from '../support/stack.js';

const PURGES = 10;
const DELETIONS = 20;
const LIMIT_SECONDS = 5;
const PREFIX = 'data/one/train/';
const LOOK_MS = 20;

export const purgeOne: Scenario = {
  name: 'purge-one',
  what: `from the start of \`perennial purge\` until an object is gone from S3 and the mount, the slowest of ${PURGES}; and from a deletion by others until it is gone from the mount`,
  unit: 's',
  limit: LIMIT_SECONDS,
  bound: 'at most',
  measure: (context) =>
    withStack(context, (stack) => withFolder((mount) => measure(context, { stack, mount, s3: s3Client(stack.env) }))),
};

interface Setting {
  readonly stack: LocalStack;
  readonly mount: string;
  readonly s3: S3Client;
}

const keyOf = (index: number) => `${PREFIX}${index}.csv`;

async function measure({ say, signal }: BenchContext, setting: Setting): Promise<Measured> {
  const { s3 } = setting;
  try {
    await prepareBenchAccount(setting.stack);
    await declareMirror(setting);
    say(`${PURGES + DELETIONS} objects of two versions …`);
    await fill(setting, signal);
    const purges: number[] = [];
    for (let index = 0; index < PURGES; index += 1) {
      purges.push(await purged(setting, index, signal));
      say(`purge ${index + 1} of ${PURGES}: gone after ${round(purges.at(-1) ?? 0, 1)} s`);
    }
    const deletions: number[] = [];
    for (let index = PURGES; index < PURGES + DELETIONS; index += 1)
      deletions.push(await deleted(setting, index, signal));
    const [figure, p95] = [Math.max(...purges), percentile(deletions, 0.95)];
    return {
      figure: round(figure, 2),
      ok: figure <= LIMIT_SECONDS && p95 <= LIMIT_SECONDS && purges.length === PURGES,
      detail: {
        purgeSeconds: { p50: round(percentile(purges, 0.5), 2), all: purges.map((one) => round(one)) },
        deletedByOthersSeconds: { p95: round(p95), all: deletions.map((one) => round(one)) },
      },
    };
  } finally {
    s3.destroy();
  }
}

async function declareMirror({ stack, mount }: Setting): Promise<void> {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const mirrors = [{ bucket: BUCKET, prefix: PREFIX, path: mount, mountPoint: false, uid, gid }];
  const folder = await mkdtemp(join(tmpdir(), 'perennial-bench-storage-'));
  try {
    const file = join(folder, 'storage.yaml');
    await writeFile(file, stringify({ storage: { records: { bucket: BUCKET }, mirrors } }));
    await perennialOk(['apply', file], { env: stack.env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each object twice, so that it has two versions, and waits until the mirror has it. */
async function fill({ stack, s3, mount }: Setting, signal: AbortSignal): Promise<void> {
  for (let index = 0; index < PURGES + DELETIONS; index += 1)
    for (const Body of ['1,2\n', '3,4,5\n'])
      await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: keyOf(index), Body }));
  await perennialOk(['mirror', 'repair'], { env: stack.env });
  for (let index = 0; index < PURGES + DELETIONS; index += 1)
    while (!(await isThere(join(mount, `${index}.csv`)))) await sleep(LOOK_MS, undefined, { signal });
}

/** Seconds from the start of a process, as a person starts it, until neither a version nor the copy is there. */
async function purged({ stack, mount, s3 }: Setting, index: number, signal: AbortSignal): Promise<number> {
  const args = ['purge', `s3://${BUCKET}/${keyOf(index)}`, '--request', `one-${index}`, '--reason', 'measured'];
  const began = performance.now();
  const command = promisify(execFile)(process.execPath, [packagePath('bin', 'perennial.mjs'), ...args, '--json'], {
    env: { ...process.env, ...stack.env },
  });
  const gone = (async () => {
    while ((await isThere(join(mount, `${index}.csv`))) || (await hasVersions(s3, keyOf(index))))
      await sleep(LOOK_MS, undefined, { signal });
    return (performance.now() - began) / 1_000;
  })();
  // A command that failed is told at once; what it left would be waited for without end.
  const [seconds] = await Promise.all([gone, command]);
  await perennialOk(['purge', 'status', `one-${index}`, '--follow'], { env: stack.env });
  return seconds;
}

/** Seconds from a plain deletion, as in the console, until the copy is gone. */
async function deleted({ mount, s3 }: Setting, index: number, signal: AbortSignal): Promise<number> {
  const began = performance.now();
  await s3.send(new DeleteObjectCommand({ Bucket: BUCKET, Key: keyOf(index) }));
  while (await isThere(join(mount, `${index}.csv`))) await sleep(LOOK_MS, undefined, { signal });
  return (performance.now() - began) / 1_000;
}

async function hasVersions(s3: S3Client, key: string): Promise<boolean> {
  const { Versions = [], DeleteMarkers = [] } = await s3.send(
    new ListObjectVersionsCommand({ Bucket: BUCKET, Prefix: key }),
  );
  return [...Versions, ...DeleteMarkers].some(({ Key }) => Key === key);
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
