import type { PurgeWork } from '../../contracts/purge/index.js';
import type { Group } from './groups.js';
import type { Entry } from './listing.js';

/** What of a key is to be erased, in order. */
export interface Chosen {
  readonly versions: readonly Entry[];
  readonly markers: readonly Entry[];
  /** Uploads since the purge began that stay. */
  readonly later: number;
}

/**
 * Whether something came after the purge began. S3 tells whole seconds (rounded down), so what came within the same second counts as
 * before it: better erased than left.
 */
export const isLater = (modified: number, startedAt: string): boolean =>
  Math.floor(modified / 1_000) > Math.floor(Date.parse(startedAt) / 1_000);

/** Takes out what was uploaded since. Its delete markers stay with it: without one, what it hides would be current again. */
export function choose({ versions, markers }: Group, { ref, options }: Pick<PurgeWork, 'ref' | 'options'>): Chosen {
  if (options.uploads === 'purge') return { versions, markers, later: 0 };
  const before = ({ modified }: Entry) => !isLater(modified, ref.startedAt);
  const chosen = versions.filter(before);
  const later = versions.length - chosen.length;
  return { versions: chosen, markers: later > 0 ? markers.filter(before) : markers, later };
}
