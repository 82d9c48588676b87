import { RECORDS_PREFIX } from '../../contracts/storage/index.js';
import { isObject, type Target } from './targets.js';
import { listPages, type Entry, type Listing, type Page } from './listing.js';

/** So many entries of one key are held to sort them; of a key with more, the rest goes in parts. */
const HELD = 10_000;

/** All entries of a key, or, of a key with very many, a part of them. */
export interface Group {
  readonly key: string;
  /** Oldest first. */
  readonly versions: readonly Entry[];
  /** Oldest first. */
  readonly markers: readonly Entry[];
  /** Whether an earlier part of the key's entries has been given. */
  readonly again: boolean;
}

/**
 * The entries of a target by key, each key once it is known whole. The key at a page's end is therefore held until the next page is there,
 * so the version that the next page is asked by is never deleted before: servers have lost versions over that. What lies under `_perennial/`
 * is left out of a prefix.
 */
export async function* groupsOf(listing: Listing, target: Target): AsyncGenerator<Group> {
  const exact = isObject(target) ? target.key : undefined;
  const wanted =
    exact === undefined ? (key: string) => !key.startsWith(RECORDS_PREFIX) : (key: string) => key === exact;
  const prefix = isObject(target) ? target.key : target.prefix;
  let open: Open | undefined;
  for await (const page of listPages(listing, {
    bucket: target.bucket,
    prefix,
    ...(exact !== undefined && { key: exact }),
  })) {
    for (const key of keysOf(page, open?.key)) {
      const group: Open = open?.key === key ? open : { key, versions: [], markers: [], again: false };
      if (open === group) open = undefined;
      append(group.versions, page.versions.get(key));
      append(group.markers, page.markers.get(key));
      if (key === page.last) open = group;
      else if (wanted(key)) yield closed(group);
    }
    if (open && wanted(open.key) && open.versions.length + open.markers.length > HELD) {
      const part = takePart(open);
      open.again = true;
      yield part;
    }
  }
  if (open && wanted(open.key)) yield closed(open);
}

/** Entries newest first, as they are listed. */
interface Open {
  readonly key: string;
  versions: Entry[];
  markers: Entry[];
  again: boolean;
}

/** The page's keys, after the one that is still open even if the page has nothing more of it. */
function keysOf({ versions, markers }: Page, open: string | undefined): Iterable<string> {
  return new Set([...(open === undefined ? [] : [open]), ...versions.keys(), ...markers.keys()]);
}

/** A server may begin a page with the entry that it was asked by: it is one all the same. */
function append(to: Entry[], more: readonly Entry[] | undefined): void {
  for (const entry of more ?? []) if (entry.versionId !== to.at(-1)?.versionId) to.push(entry);
}

const closed = ({ key, versions, markers, again }: Open): Group => ({
  key,
  versions: oldestFirst(versions),
  markers: oldestFirst(markers),
  again,
});

/** The listing is newest first, and a sort keeps the order of equal times: S3 tells whole seconds. */
const oldestFirst = (entries: readonly Entry[]): Entry[] =>
  [...entries].reverse().sort((a, b) => a.modified - b.modified);

/**
 * Everything but the current entry and what was listed last: while the current one stays, whatever else goes brings nothing back, and the
 * last listed is what the next page is asked by.
 */
function takePart(open: Open): Group {
  const stays = (entry: Entry, index: number, of: readonly Entry[]) => entry.latest || index === of.length - 1;
  const part = {
    key: open.key,
    versions: oldestFirst(open.versions.filter((...entry) => !stays(...entry))),
    markers: oldestFirst(open.markers.filter((...entry) => !stays(...entry))),
    again: open.again,
  };
  open.versions = open.versions.filter(stays);
  open.markers = open.markers.filter(stays);
  return part;
}
