import { isFailure } from '../errors.js';
import type { Blocked, BlockedBy } from '../../contracts/purge/index.js';
import { quietFailure } from '../purge/failures.js';

/** What could not be erased, added up by bucket and reason. */
export class BlockedEntries {
  readonly #entries = new Map<string, { by: BlockedBy; entries: number; until?: string; advice: string }>();

  add(by: BlockedBy, advice: string, until?: string): void {
    const known = this.#entries.get(`${by} ${advice}`) ?? { by, entries: 0, advice };
    known.entries += 1;
    if (until !== undefined && until > (known.until ?? '')) known.until = until;
    this.#entries.set(`${by} ${advice}`, known);
  }

  /**
   * Judges why a version could not be erased. Passing faults are thrown: they are tried again.
   * @param look what protects the version
   */
  async refused(
    error: unknown,
    { bucket, look }: { bucket: string; look: () => Promise<{ legalHold: boolean; until?: string | undefined }> },
  ): Promise<void> {
    const failure = quietFailure(error, {
      resource: `an object of bucket ${bucket}`,
      action: 'erase a version',
      permission: 's3:DeleteObjectVersion',
    });
    // Another upload took its place, which is looked at next.
    if (isFailure(failure, 'RecordConflict', 'ResourceMissing')) return;
    if (!isFailure(failure, 'AccessDenied', 'InvalidRequest')) throw failure;
    const lock = await look().catch(() => undefined);
    if (lock?.legalHold) {
      this.add('legal hold', `bucket ${bucket}: lift the legal hold of the object, then resume the purge`);
    } else if (lock?.until !== undefined && lock.until > new Date().toISOString()) {
      this.add('object lock', `bucket ${bucket}: Object Lock keeps the version; resume the purge then`, lock.until);
    } else this.add('access denied', `bucket ${bucket}: ${failure.message.replace(/^.*?failed: /, '')}`);
  }

  list(): Blocked[] {
    return [...this.#entries.values()];
  }
}

/** What to do about an object that can't be searched; the same words for all of a bucket, so that they add up. */
export const unreadableAdvice = (bucket: string, why: string) =>
  `bucket ${bucket}: rows of an object can't be searched: ${why}. Look at what --dry-run lists, then purge the object whole or put it right and resume the purge`;

/** The same of a file. */
export const unreadableFileAdvice = (path: string, why: string) =>
  `${path}: rows of a file can't be searched: ${why}. Remove it or put it right, then resume the purge`;
