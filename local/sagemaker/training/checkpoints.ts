import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { downloadAll, joinS3, listObjects, parseS3, upload } from '../s3.js';
import type { TrainingJob } from './types.js';
import type { Host } from './workspace.js';

const SYNC_EVERY_MS = 2_000;

/** Keeps a job's checkpoint folder and its S3 prefix the same while the job runs. */
export interface CheckpointSync {
  /** Last sync, after the program has ended. */
  finish(): Promise<void>;
  /** Ends the syncing without a last one. */
  cancel(): Promise<void>;
}

/**
 * Brings earlier checkpoints to each host and starts to copy new and changed ones to S3, as the platform does.
 * Does nothing for a job without CheckpointConfig.
 */
export async function startCheckpoints(
  ctx: Context,
  job: TrainingJob,
  hosts: readonly Host[],
  signal: AbortSignal,
): Promise<CheckpointSync> {
  const uri = job.request.CheckpointConfig?.S3Uri;
  if (!uri) return { finish: () => Promise.resolve(), cancel: () => Promise.resolve() };
  // With a slash, so that `checkpoints/a` does not take in `checkpoints/ab`.
  const prefix = parseS3(joinS3(uri, ''));
  const objects = await listObjects(ctx.s3, prefix);
  const sent = new Map<string, string>();
  for (const { optMl } of hosts) {
    const files = objects.map((object) => ({
      object,
      file: join(optMl, 'checkpoints', object.key.slice(prefix.key.length)),
    }));
    await downloadAll(ctx.s3, files, signal);
    for (const { file } of files) sent.set(file, await version(file));
  }

  const sync = async (): Promise<void> => {
    for (const { optMl } of hosts) {
      const folder = join(optMl, 'checkpoints');
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const file = join(entry.parentPath, entry.name);
        const current = await version(file);
        if (sent.get(file) === current) continue;
        const key = prefix.key + relative(folder, file).split(sep).join('/');
        await upload(
          ctx.s3,
          { bucket: prefix.bucket, key },
          createReadStream(file),
          job.request.OutputDataConfig?.KmsKeyId,
        );
        sent.set(file, current);
      }
    }
  };

  const over = new AbortController();
  const loop = (async () => {
    while (!over.signal.aborted) {
      await sleep(SYNC_EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
      if (over.signal.aborted) return;
      // A file may vanish while it is read; the next round or the last sync finds what is there.
      await sync().catch((error: unknown) => ctx.log.debug({ err: error, uri }, 'checkpoint sync put off'));
    }
  })();
  const cancel = async (): Promise<void> => {
    over.abort();
    await loop;
  };
  return {
    cancel,
    async finish() {
      await cancel();
      await sync();
    },
  };
}

async function version(file: string): Promise<string> {
  const { size, mtimeMs } = await stat(file);
  return `${size}:${mtimeMs}`;
}
