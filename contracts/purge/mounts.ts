import type { Blocked } from './index.js';

/** How content of a target stays on a mount although no name of the mirror leads to it any more, and what to do about it. */
export const HELD_ON_MOUNTS = {
  'file with other links':
    'they had further names (hard links) on their file system, under which the content stays: find them and erase them, then resume the purge with --links-removed',
  'deleted file that is still open':
    'a program holds deleted files open beside them, and nobody can tell whose content these have: end it, then purge again',
} as const;

export type HeldOnMount = keyof typeof HELD_ON_MOUNTS;

/** Reason of files that were unlinked and live on under another name. */
export const OTHER_LINKS = 'file with other links' satisfies HeldOnMount;
const toldOfLinks = (advice: string) => advice.startsWith('on mounts: ') && advice.includes(`× ${OTHER_LINKS}: `);

/** How many files with other links are told of, and what else is. */
export function linksAmong(blocked: readonly Blocked[]): {
  readonly links: number;
  readonly others: readonly Blocked[];
} {
  const told = blocked.filter(({ advice }) => toldOfLinks(advice));
  return {
    links: told.reduce((sum, { entries }) => sum + entries, 0),
    others: blocked.filter((one) => !told.includes(one)),
  };
}

/** What no name leads to any more, and is there all the same, of counts by reason: nothing that a further round could erase. */
export function heldOnMounts(conflicts: Readonly<Record<string, number>>): Blocked[] {
  return Object.entries(HELD_ON_MOUNTS).flatMap(([reason, advice]) => {
    const entries = conflicts[reason] ?? 0;
    return entries > 0
      ? [{ by: 'error', entries, advice: `on mounts: ${entries} × ${reason}: ${advice}` } as const]
      : [];
  });
}
