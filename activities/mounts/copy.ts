import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Mirror } from '../../contracts/storage/index.js';
import { quietFailure } from '../purge/failures.js';
import { Conflicted } from './conflicts.js';
import { own, type Folder } from './folder.js';
import { descend } from './path.js';
import { STAGING, type FileImage } from './image.js';
import { content, type ObjectName } from './objects.js';
import { modificationTime, type ObjectState } from './stamp.js';

/** How a long piece of work shows that it goes on, and hears that it is to end. */
export interface Going {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: (() => void) | undefined;
}

/** Nobody but the worker looks at files that are being copied. */
const STAGING_MODE = '0700';

/**
 * Copies an object to its place: to a file of the staging folder first, which is checked, written to disk and renamed. Constant memory.
 * @param notOwned called where owner and group could not be set
 * @returns false if the object, or a folder on the way, has changed meanwhile: look again
 */
export async function copyObject(
  { s3, root, mirror, notOwned }: { s3: S3Client; root: Folder; mirror: Mirror; notOwned: () => void },
  { object, state, image }: { object: ObjectName; state: ObjectState; image: FileImage },
  going: Going,
): Promise<boolean> {
  const copied = await descend(
    root,
    image.folders,
    async (folder) => {
      if ((await folder.look(image.name))?.isDirectory()) throw new Conflicted('folder in the place of a file');
      const make = { ownership: { ...mirror, folderMode: STAGING_MODE }, notOwned };
      return descend(root, [STAGING], (staging) => stage(staging, folder), make);
    },
    { ownership: mirror, notOwned },
  );
  return copied === true;

  async function stage(staging: Folder, folder: Folder): Promise<boolean> {
    const body = await content(s3, object, state, going.signal);
    if (!body) return false;
    const name = randomUUID();
    const file = await staging.create(name);
    try {
      try {
        const bytes = { written: 0 };
        await writeFile(file, read(body, bytes));
        if (bytes.written !== state.size) return false;
        const owned = await own(file, mirror, Number.parseInt(mirror.fileMode, 8));
        if (!owned) notOwned();
        const time = modificationTime(state);
        await file.utimes(time, time);
        await file.sync();
      } finally {
        await file.close();
      }
      await folder.take(staging, name, image.name);
      return true;
    } finally {
      await staging.unlink(name);
    }
  }

  /** The object's content as it comes: its size is not bounded. */
  async function* read(body: Readable, bytes: { written: number }): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes.written += chunk.length;
        going.progress?.();
        yield chunk;
      }
    } catch (error) {
      throw quietFailure(error, { resource: `an object of s3://${object.bucket}`, action: 'read' });
    }
  }
}
