import { sleep } from '@temporalio/workflow';
import type { Blocked, CopiesErased, RowsErased } from '../../contracts/purge/index.js';
import { heldOnMounts, linksAmong, OTHER_LINKS, type HeldOnMount } from '../../contracts/purge/mounts.js';
import { failure, heedCancel } from '../failures.js';
import { ERASING, erasing } from './profiles.js';
import { type Purge, entriesOf, plural } from './state.js';

/** Rounds of erasing and verifying, and the seconds between them. */
const MOST_ROUNDS = 5;
const PAUSES = [1, 5, 30, 120];
/** Legs of about ten minutes; with them a history stays under 4,000 events. */
const MOST_LEGS = 500;

/** What one look found that another round could erase, in words; nothing if it is all gone. */
interface Left {
  readonly open: readonly string[];
  /** Only what was uploaded since, under targets whose uploads are to be erased too. */
  readonly uploadsAlone: boolean;
}

/** Waits for all, then fails with what failed first: one that fails keeps no other from erasing. */
export async function settled<T extends readonly unknown[]>(
  ...tasks: { readonly [K in keyof T]: Promise<T[K]> }
): Promise<T> {
  const ends = await Promise.allSettled(tasks);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed) throw failed.reason;
  return ends.map((end) => (end as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/** Erases and looks again until nothing is left that could be erased. Only a new listing ends it. */
export async function eraseAndVerify(purge: Purge): Promise<void> {
  const way = (purge.found.targets?.values ?? 0) > 0 ? new Rows(purge) : new Entries(purge);
  for (let round = 1; ; round += 1) {
    purge.enter('erase');
    await way.erase(round);
    // An answer is waited for in spite of a cancel.
    heedCancel();
    purge.enter('verify');
    // The report of the look before is written over: one that is broken off leaves none that could be recorded.
    delete purge.found.report;
    const { open, uploadsAlone } = await way.verify(round);
    if (open.length === 0) return;
    if (round === MOST_ROUNDS) {
      // Whoever uploads without end is told of, and nothing of what was asked for is left.
      if (uploadsAlone) return;
      throw incomplete(purge, `${open.join(', ')} left after ${MOST_ROUNDS} rounds`);
    }
    purge.note(`round ${round} left ${open.join(', ')}; once more`);
    await sleep(`${PAUSES[round - 1] ?? 120}s`);
  }
}

function incomplete({ ref }: Purge, left: string) {
  return failure(
    'PurgeIncomplete',
    `${left}, and nothing blocks it: stop what writes under the targets, then \`perennial purge resume ${ref.request}\``,
  );
}

/** Whole objects: S3 by legs, and the mounts beside it. */
class Entries {
  private legs = 0;
  /** What the last leg could not erase: only trying tells that a right is missing. */
  private refused: readonly Blocked[] = [];

  constructor(private readonly purge: Purge) {}

  async erase(round: number): Promise<void> {
    const { purge } = this;
    const options = { ...ERASING, summary: `round ${round}` };
    await settled(
      this.eraseObjects(),
      // Counted as it answers: a cancel that ends the other half must not lose it.
      erasing.eraseCopies.executeWithOptions(options, [purge.work]).then((copies) => this.countCopies(copies)),
    );
  }

  private countCopies(copies: CopiesErased): void {
    const { found } = this.purge;
    this.purge.linked += copies.conflicts[OTHER_LINKS] ?? 0;
    found.copies = summed(found.copies, copies);
  }

  private async eraseObjects(): Promise<void> {
    const { purge } = this;
    for (;;) {
      this.legs += 1;
      const options = { ...ERASING, summary: `leg ${this.legs}` };
      const leg = await erasing.eraseObjects
        .executeWithOptions(options, [{ ...purge.work, leg: this.legs }])
        .catch((error: unknown) => {
          purge.loseCount();
          throw error;
        });
      purge.countErased(leg);
      this.refused = leg.blocked;
      if (leg.done) return;
      heedCancel();
      if (this.legs >= MOST_LEGS) throw incomplete(purge, `entries left after ${MOST_LEGS} legs`);
    }
  }

  async verify(round: number): Promise<Left> {
    const { found, options, work } = this.purge;
    const [objects, copies] = await settled(erasing.verifyObjects(work), erasing.verifyCopies(work));
    const { remaining, later, reportUri, reportHash } = objects;
    // Where uploads since are to go too, they are there against the wish, in S3 or still on a mount.
    const since = options.uploads === 'purge' ? Math.max(later, copies.later ?? 0) : 0;
    const left = entriesOf(remaining);
    const blocked = left + since === 0 ? [] : merged(this.refused, objects.blocked);
    const conflicts: Record<string, number> = { ...copies.conflicts };
    if (this.purge.links > 0) conflicts[OTHER_LINKS] = this.purge.links;
    const held = heldOnMounts(conflicts);
    Object.assign(found, {
      remaining,
      later: Math.max(later, since),
      blocked: [...blocked, ...held],
      report: { reportUri, reportHash },
    });
    found.copies = { ...found.copies, conflicts };
    this.purge.warnOfMounts(conflicts);
    const kept = blocked.reduce((sum, one) => sum + one.entries, 0);
    const entries = Math.max(0, left - kept);
    const uploads = Math.max(0, left + since - kept - entries);
    return {
      open: [
        ...(entries > 0 ? [entries === 1 ? '1 entry of S3' : `${entries} entries of S3`] : []),
        ...(copies.files > 0 ? [`${plural(copies.files, 'file')} on mounts`] : []),
        ...stillOpen(conflicts, round),
        ...(uploads > 0 ? [plural(uploads, 'new upload')] : []),
      ],
      uploadsAlone: entries === 0 && copies.files === 0,
    };
  }
}

/** A person's rows: the objects stay, rewritten. */
class Rows {
  constructor(private readonly purge: Purge) {}

  async erase(round: number): Promise<void> {
    const { found, work } = this.purge;
    const options = { ...ERASING, summary: `round ${round}` };
    const rows = await erasing.eraseRows.executeWithOptions(options, [work]);
    found.rows = found.rows ? summedRows(found.rows, rows) : rows;
    if (rows.copies) found.copies = summed(found.copies, rows.copies);
    // An execution's journal has them of all its tries and rounds.
    const { links, others } = linksAmong(rows.blocked);
    this.purge.linked = links;
    found.blocked = [...others, ...heldOnMounts({ [OTHER_LINKS]: this.purge.links })];
  }

  async verify(round: number): Promise<Left> {
    const { found, work } = this.purge;
    const { rows, objects, unreadable, copies, reportUri, reportHash } = await erasing.verifyRows(work);
    found.report = { reportUri, reportHash };
    // Histories of before this count have none.
    const { files = 0, conflicts = {} } = copies ?? {};
    const open = stillOpen(conflicts, round);
    found.blocked = [...found.blocked, ...heldOnMounts(conflicts)];
    if (copies) found.copies = { ...summed(found.copies, lookedAt(copies)), conflicts };
    this.purge.warnOfMounts(conflicts);
    // Objects that may not be rewritten, or can't be searched, keep their rows.
    if (found.blocked.length > 0 && open.length === 0) return { open: [], uploadsAlone: false };
    return {
      open: [
        ...(rows > 0 ? [`${plural(rows, 'row')} in ${plural(objects, 'object')}`] : []),
        ...(unreadable > 0 ? [`${plural(unreadable, 'version')} that could not be searched`] : []),
        ...(files > 0 ? [`${plural(files, 'file')} on mounts`] : []),
        ...open,
      ],
      uploadsAlone: false,
    };
  }
}

/** They vanish once they are closed, so they are waited for. */
function stillOpen(conflicts: Readonly<Record<string, number>>, round: number): string[] {
  const count = round < MOST_ROUNDS ? (conflicts['deleted file that is still open' satisfies HeldOnMount] ?? 0) : 0;
  return count > 0 ? [`${plural(count, 'deleted file')} on mounts that ${count === 1 ? 'is' : 'are'} still open`] : [];
}

/** What an erasure and the listing after it say of the same entries: the greater count of each reason. */
function merged(...lists: (readonly Blocked[])[]): Blocked[] {
  const byReason = new Map<string, Blocked>();
  for (const one of lists.flat()) {
    const known = byReason.get(one.advice);
    if (!known || known.entries < one.entries) byReason.set(one.advice, one);
  }
  return [...byReason.values()];
}

/** The mounts of a look that erased nothing: their backups are to be told. */
const lookedAt = (copies: CopiesErased): CopiesErased => ({
  ...copies,
  files: 0,
  bytes: 0,
  mounts: copies.mounts.map((mount) => ({ ...mount, files: 0 })),
});

/** Of several rounds: files add up, by mount too. */
function summed(before: CopiesErased, now: CopiesErased): CopiesErased {
  const filesOf = (path: string) => before.mounts.find((mount) => mount.path === path)?.files ?? 0;
  // A round that was cancelled may not have come to all of them.
  const others = before.mounts.filter(({ path }) => now.mounts.every((mount) => mount.path !== path));
  return {
    files: before.files + now.files,
    bytes: before.bytes + now.bytes,
    mounts: [...now.mounts.map((mount) => ({ ...mount, files: mount.files + filesOf(mount.path) })), ...others],
    conflicts: { ...before.conflicts, ...now.conflicts },
  };
}

/** Of several rounds: an execution's counts are kept beside its work and add up there, but for the versions. */
function summedRows(before: RowsErased, now: RowsErased): RowsErased {
  return { ...now, versionsErased: before.versionsErased + now.versionsErased };
}
