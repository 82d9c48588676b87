import { spawnSync } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../support/local.js';
import { Setting } from './setting.js';
import { expectOneOfEach, letGo, resultOf, runIn } from './survival-runs.js';

/** A file system of its own for everything that local mode keeps, seen by it alone. */
const MOUNT = 'mount -t tmpfs -o size=400m,mode=755 tmpfs "$1" && shift && exec "$@"';
const unshare = process.getuid?.() === 0 ? ['unshare', '-m'] : ['unshare', '-rm'];
const small = (stateDir: string) => [...unshare, 'sh', '-c', MOUNT, 'sh', stateDir];
const possible = spawnSync(unshare[0] ?? '', [...unshare.slice(1), 'true']).status === 0;

let setting: Setting;
/** The small file system as this process reaches it. */
let disk: string;
beforeAll(async () => {
  if (!possible) return;
  setting = await Setting.start(small);
  disk = join(`/proc/${setting.pid}/root`, setting.stateDir);
}, 120_000);
afterAll(() => setting?.stop(), 60_000);

/** Takes all the space that is left. */
async function fill(): Promise<void> {
  const file = await open(join(disk, 'ballast'), 'a');
  try {
    for (const size of [1 << 20, 1 << 12, 1]) {
      const block = Buffer.alloc(size, 1);
      for (;;) {
        const { bytesWritten } = await file.write(block).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOSPC') return { bytesWritten: 0 };
          throw error;
        });
        if (bytesWritten === 0) break;
      }
    }
  } finally {
    await file.close();
  }
}
const free = () => rm(join(disk, 'ballast'), { force: true });

/** Why a run failed. */
function reasonOf(error: unknown): string {
  if (error instanceof WorkflowFailedError && error.cause) return error.cause.message;
  throw error;
}

/** How long the disk stays full once the runs' stages are over: the end of a job and an endpoint's fleet come in that time. */
const FULL_MS = 8_000;

it.runIf(possible)(
  'a full disk refuses what it cannot keep, in a sentence, and all goes on by itself once there is room',
  async () => {
    const models = ['full-a', 'full-d'] as const;
    const runs = await Promise.all([runIn(setting, 'await', models[0]), runIn(setting, 'deploy', models[1])]);
    await fill();
    const put = setting.s3.send(new PutObjectCommand({ Bucket: 'perennial-e2e', Key: 'more', Body: 'than fits' }));
    await expect(put).rejects.toThrow(/No space left on the disk that holds .*, and goes on by itself then/);
    await Promise.all(models.map((model) => letGo(setting, model)));
    await sleep(FULL_MS);
    await free();
    await until('every service answers', () => setting.answers(), 90_000);
    for (const [index, model] of models.entries()) {
      // A program may need the space itself: its job fails as one does on AWS whose volume is full, and the run with it.
      const result = await resultOf(setting, runs[index] ?? '').catch(reasonOf);
      if (typeof result === 'string') expect(result).toMatch(/no space left/i);
      else await expectOneOfEach(setting, model, result);
      // Nothing is broken beyond what that run needed: every service takes new work.
      const outcome = typeof result === 'string' ? 'Deployed' : 'NoNewData';
      expect(await setting.run(model)).toMatchObject({ outcome });
    }
    const { value } = await setting.cli('runs', '--limit', '1000');
    expect((value as { run: string }[]).map(({ run }) => run)).toEqual(expect.arrayContaining(runs));
  },
  240_000,
);
