import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import pLimit from 'p-limit';
import type { Logger } from 'pino';
import { isMirrored, type Mirroring } from '../../activities/mounts/mirror.js';
import type { Storage } from '../../contracts/storage/index.js';
import { STORAGE_ID, STORAGE_MEMO } from '../../contracts/storage/state.js';
import { LIST_AGE_MS } from '../../contracts/triggers.js';
import type { Incoming } from './messages.js';

/** Keys worked on at once. */
const AT_ONCE = 32;

/**
 * Keeps mounts equal to buckets: an event only says which key to look at. It is done here and not by a workflow, as no key may enter Temporal's
 * history; the queue is what makes it durable. Answers once every mirror of the keys is equal, and fails otherwise: the message comes again.
 */
export function mirrorEvents({
  client,
  mirroring,
  log,
}: {
  readonly client: Client;
  readonly mirroring: Pick<Mirroring, 'mirrorKey'>;
  readonly log: Logger;
}): (message: Pick<Incoming, 'created' | 'removed'>) => Promise<void> {
  const declared = storageMemo(client);
  const limit = pLimit(AT_ONCE);
  const told = new Set<string>();

  return async ({ created, removed }) => {
    const objects = [...created, ...removed];
    if (objects.length === 0) return;
    const storage = await declared();
    if (!storage || storage.mirrors.length === 0) return;
    await Promise.all(
      objects
        .filter((object) => isMirrored(storage, object))
        .map(({ bucket, key }) => limit(() => mirror(storage, { bucket, key }))),
    );
  };

  async function mirror(storage: Storage, object: { bucket: string; key: string }): Promise<void> {
    const { conflicts, ...done } = await mirroring.mirrorKey(storage, object);
    log.debug({ bucket: object.bucket, ...done }, 'events: an object was mirrored');
    for (const conflict of conflicts) {
      const one = `${object.bucket} ${conflict}`;
      if (told.has(one)) continue;
      told.add(one);
      log.warn(
        { bucket: object.bucket, conflict },
        'events: an object has no equal copy on a mount, and others like it may not either; `perennial mirror check` counts them',
      );
    }
  }
}

/**
 * The declared storage, from the memo of its entity. Read when an event asks and the last answer is LIST_AGE_MS old: an idle queue costs
 * nothing. Undefined where none is declared; fails while Temporal can't be asked.
 */
function storageMemo(client: Client): () => Promise<Storage | undefined> {
  let known: Promise<Storage | undefined> | undefined;
  let goodUntil = 0;

  async function read(): Promise<Storage | undefined> {
    try {
      const { memo, status } = await client.workflow.getHandle(STORAGE_ID).describe();
      return status.name === 'RUNNING'
        ? ((memo?.[STORAGE_MEMO] as Storage | null | undefined) ?? undefined)
        : undefined;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  return () => {
    if (!known || Date.now() >= goodUntil) {
      goodUntil = Date.now() + LIST_AGE_MS;
      known = read().catch((error: unknown) => {
        known = undefined;
        throw error;
      });
    }
    return known;
  };
}
