import { Context } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri } from '../../contracts/names.js';
import { fail } from '../errors.js';
import { lockOf } from './buckets.js';
import { BATCH, deleteBatch, type Doomed } from './delete.js';
import { throwIfCancelled } from './failures.js';
import { groupsOf } from './groups.js';
import { sharedPace } from './pace.js';

/** Erases every version and marker of one object, until a listing finds none. One that is gone already is fine. */
export async function eraseObject(s3: S3Client, uri: string, patience: number): Promise<void> {
  const { bucket, key } = parseS3Uri(uri);
  const signal = Context.current().cancellationSignal;
  const objectLock = async () => (await lockOf(s3, bucket, signal)) !== undefined;
  const deletion = {
    s3,
    bucket,
    objectLock,
    bypassGovernance: false,
    signal,
    calls: signal,
    patience,
    pace: sharedPace,
  };
  for (;;) {
    let found = 0;
    for await (const { versions, markers } of groupsOf({ s3, signal, onPage: () => undefined }, { bucket, key })) {
      const doomed = [...versions, ...markers].map(({ versionId, size }): Doomed => ({ key, versionId, size }));
      found += doomed.length;
      for (let at = 0; at < doomed.length; at += BATCH) {
        const { blocked, open } = await deleteBatch(deletion, doomed.slice(at, at + BATCH));
        if (open.length > 0) await throwIfCancelled();
        const reason = blocked[0]?.reason;
        if (reason)
          throw fail(
            'AccessDenied',
            `${uri}: ${blocked.length} versions can't be erased (${reason.by}): allow s3:DeleteObjectVersion on ${bucket} to the worker's role, or erase it by hand once it is free`,
          );
      }
    }
    if (found === 0) return;
  }
}
