import type { Blocked, BlockedBy } from '../../contracts/purge/index.js';

interface Sum {
  entries: number;
  until: number | undefined;
  detail: string;
}

/** Why an entry could not be erased. `until` in milliseconds; `detail` is a code of S3 or the mode of a lock. */
export interface Reason {
  readonly by: BlockedBy;
  readonly until?: number;
  readonly detail?: string;
}

/** What could not be erased, summed by reason and bucket. */
export class Blocks {
  readonly #sums = new Map<string, Sum & { readonly bucket: string; readonly by: BlockedBy }>();

  add(bucket: string, { by, until, detail = '' }: Reason, entries = 1): void {
    const name = `${by}/${detail}/${bucket}`;
    const sum = this.#sums.get(name) ?? { bucket, by, detail, entries: 0, until: undefined };
    sum.entries += entries;
    if (until !== undefined) sum.until = Math.max(sum.until ?? 0, until);
    this.#sums.set(name, sum);
  }

  clear(): void {
    this.#sums.clear();
  }

  get entries(): number {
    return [...this.#sums.values()].reduce((all, { entries }) => all + entries, 0);
  }

  list(): Blocked[] {
    return [...this.#sums.values()].map(({ bucket, by, entries, until, detail }) => {
      const date = until === undefined ? undefined : new Date(until).toISOString();
      return {
        by,
        entries,
        ...(date !== undefined && { until: date }),
        advice: `bucket ${bucket}: ${advice(by, date, detail)}`,
      };
    });
  }
}

function advice(by: BlockedBy, until: string | undefined, detail: string): string {
  switch (by) {
    case 'object lock':
      return detail === 'GOVERNANCE'
        ? `Object Lock protects them (GOVERNANCE) until ${until}; purge again after that, or now with the governance bypass and s3:BypassGovernanceRetention for the worker's role`
        : `Object Lock protects them${detail && ` (${detail})`}${until === undefined ? '; see when it ends' : ` until ${until}`}; purge again after that`;
    case 'legal hold':
      return 'a legal hold is on them, which ends when somebody takes it off; purge again then';
    case 'mfa delete':
      return 'MFA Delete is on, so only the root user with the device can erase versions: suspend it (put-bucket-versioning with MFADelete=Disabled) and purge again';
    case 'access denied':
      return `S3 denies it: allow ${detail || 's3:DeleteObjectVersion'} to the worker's role, look for a Deny in the bucket's policy, and purge again`;
    case 'error':
      return detail === LISTED_STILL
        ? 'S3 answers that they are deleted and lists them still; purge again, and ask who runs the storage'
        : `S3 went on answering ${detail || 'an error'} for them; purge again`;
    default:
      return by satisfies never;
  }
}

/** Detail of an entry that is listed although its deletion was answered. */
export const LISTED_STILL = 'listed still';
