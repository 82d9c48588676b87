import type { PurgeWork } from '../../contracts/purge/index.js';
import type { Group } from './groups.js';
import type { Entry } from './listing.js';

/** Entries of a key, oldest first. */
export type Entries = Pick<Group, 'versions' | 'markers'>;

/** What was there when the purge began, and what came since. */
interface Apart extends Entries {
  /** Uploads since the purge began. */
  readonly later: readonly Entry[];
}

/**
 * Whether something came after the purge began. S3 tells whole seconds (rounded down), so what came within the same second counts as
 * before it: better erased than left.
 */
export const isLater = (modified: number, startedAt: string): boolean =>
  Math.floor(modified / 1_000) > Math.floor(Date.parse(startedAt) / 1_000);

/** Takes out what was uploaded since. Its delete markers stay with it: without one, what it hides would be current again. */
export function apart({ versions, markers }: Entries, { startedAt }: PurgeWork['ref']): Apart {
  const before = ({ modified }: Entry) => !isLater(modified, startedAt);
  const later = versions.filter((entry) => !before(entry));
  return {
    versions: versions.filter(before),
    markers: later.length > 0 ? markers.filter(before) : markers,
    later,
  };
}

/** What of a key is to be erased: uploads since are among it only where they are to go too. */
export const choose = (
  { versions, markers }: Entries,
  { ref, options }: Pick<PurgeWork, 'ref' | 'options'>,
): Entries => (options.uploads === 'purge' ? { versions, markers } : apart({ versions, markers }, ref));
