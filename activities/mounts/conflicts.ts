import type { HeldOnMount } from '../../contracts/purge/mounts.js';

/**
 * Why bucket and mount can't be made equal at a place. They stand as counts in results and in the audit's record: sentences for people, and
 * no name of a file.
 */
export type Conflict =
  | HeldOnMount
  | 'key without an image on a mount'
  | 'folder in the place of a file'
  | 'file in the place of a folder'
  | 'symbolic link in the path'
  | 'name that no key can have'
  | 'owner that could not be set'
  | 'archived object';

/** Thrown through the layers of a mount; never leaves this folder. */
export class Conflicted extends Error {
  override readonly name = 'Conflicted';
  constructor(readonly conflict: Conflict) {
    super(conflict);
  }
}

/** Counts by reason. */
export class Conflicts {
  readonly counts: Partial<Record<Conflict, number>> = {};

  constructor(before: Readonly<Record<string, number>> = {}) {
    Object.assign(this.counts, before);
  }

  add(conflict: Conflict): void {
    this.counts[conflict] = (this.counts[conflict] ?? 0) + 1;
  }
}
