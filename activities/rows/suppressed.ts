import type { S3Client } from '@aws-sdk/client-s3';
import { SUPPRESSED_PREFIX, type PurgeWork } from '../../contracts/purge/index.js';
import { s3Uri } from '../../contracts/names.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { isObject, type Target } from '../purge/targets.js';
import { namesIn, readText, writeOnce } from '../s3/objects.js';
import { parseRecord } from '../s3/records.js';
import { RowFilter } from './filter.js';
import type { RowSearch } from './search.js';

/** What one execution of a purge suppresses in one bucket: rows with these values in this column, below these folders. All by keyed hash. */
interface SuppressedRecord {
  readonly version: 1;
  readonly column: number;
  readonly folders: readonly string[];
  readonly hashes: readonly string[];
}

/** A folder of one date: `data/train/2026-01-10/`. The same query's next rows come to another one beside it. */
const DATED = /(?<=^|\/)\d{4}-\d\d-\d\d\/.*$/s;

/** The folder that the same person's later rows come to: of a prefix or an object, up to its last `/`, or to its date. */
const folderOf = (target: Target) =>
  (isObject(target) ? target.key : target.prefix).replace(/[^/]*$/s, '').replace(DATED, '');

/** Writes down, in each bucket concerned, whose rows are never to come back. Before the first row goes; a retry writes the same. */
export async function suppress(
  s3: S3Client,
  hashes: KeyedHashes,
  work: PurgeWork,
  { list, column, values }: Pick<RowSearch, 'list' | 'column' | 'values'>,
): Promise<void> {
  const folders = new Map<string, Set<string>>();
  for await (const { places } of list.places()) {
    for (const place of places) {
      const of = folders.get(place.bucket) ?? new Set();
      folders.set(place.bucket, of.add(hashes.prefix(place.bucket, folderOf(place))));
    }
  }
  const { request, execution } = work.ref;
  for (const [bucket, of] of folders) {
    const record: SuppressedRecord = {
      version: 1,
      column,
      folders: [...of].sort(),
      hashes: [...values].map((value) => hashes.value(value)).sort(),
    };
    await writeOnce(s3, {
      bucket,
      key: `${SUPPRESSED_PREFIX}${request}-${execution}.json`,
      body: JSON.stringify(record),
      ...(work.storage.records.bucket === bucket && work.storage.records.key && { kmsKey: work.storage.records.key }),
    });
  }
}

/** Rows that were erased from a bucket for good. */
export interface SuppressedRows {
  /** Filters, bytes in and bytes out, that an object to be written at `key` goes through: one for each column that has suppressed values, so often none. */
  withoutSuppressed(key: string): RowFilter[];
  /** Whether a request has suppressed something since. */
  isOutdated(): Promise<boolean>;
}

/** Reads what is suppressed in a bucket: for whoever prepares data anew, and puts what it answers before the upload. */
export async function suppressedRows(s3: S3Client, hashes: KeyedHashes, bucket: string): Promise<SuppressedRows> {
  const names = await namesIn(s3, bucket, SUPPRESSED_PREFIX);
  const records: SuppressedRecord[] = [];
  for (const name of names) {
    const key = `${SUPPRESSED_PREFIX}${name}`;
    const stored = await readText(s3, bucket, key);
    records.push(parseRecord<SuppressedRecord>(stored?.body ?? '', s3Uri(bucket, key)));
  }
  return {
    async isOutdated() {
      const now = await namesIn(s3, bucket, SUPPRESSED_PREFIX);
      return now.join('\n') !== names.join('\n');
    },
    withoutSuppressed(key) {
      const above = new Set(foldersAbove(key).map((folder) => hashes.prefix(bucket, folder)));
      const byColumn = new Map<number, Set<string>>();
      for (const { column, folders, hashes: values } of records) {
        if (!folders.some((folder) => above.has(folder))) continue;
        const known = byColumn.get(column) ?? new Set();
        for (const value of values) known.add(value);
        byColumn.set(column, known);
      }
      return [...byColumn].map(([column, values]) => new RowFilter(column, (value) => values.has(hashes.value(value))));
    },
  };
}

/** `a/b/c.csv` -> ``, `a/`, `a/b/`. */
const foldersAbove = (key: string) =>
  [...key.matchAll(/\//g)].reduce((folders, { index }) => [...folders, key.slice(0, index + 1)], ['']);
