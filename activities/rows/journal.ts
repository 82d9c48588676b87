import { createHash } from 'node:crypto';
import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { purgePrefix, type PurgeWork } from '../../contracts/purge/index.js';
import { s3Uri } from '../../contracts/names.js';
import { withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { readText, writeOnce } from '../s3/objects.js';
import { parseRecord } from '../s3/records.js';
import type { ObjectVersion } from './content.js';

/** What one version of an object held before it was replaced. */
interface Entry {
  readonly version: 1;
  readonly what: 'rewritten' | 'deleted' | 'old versions' | 'file with other links';
  readonly rows: number;
  readonly bytes: number;
  /** Keyed hashes of the values found. */
  readonly values: readonly string[];
}

export interface JournalSum {
  readonly objectsRewritten: number;
  readonly objectsDeleted: number;
  readonly rows: number;
  readonly bytes: number;
  readonly found: number;
  /** Files on mounts that held rows and have further names, under which the rows stay. */
  readonly links: number;
}

/**
 * What a purge of rows found, written down before it is erased: a try that goes on after a crash no longer sees it, and its counts would be
 * too low for ever. By keyed hashes; the list of a purge's objects stands nowhere.
 */
export class Journal {
  readonly #prefix: string;

  constructor(
    private readonly s3: S3Client,
    private readonly hashes: KeyedHashes,
    private readonly work: Pick<PurgeWork, 'ref' | 'storage'>,
  ) {
    this.#prefix = `${purgePrefix(work.ref)}rows/`;
  }

  /** Notes a version that is about to be replaced or erased. Of two notes of one version the first holds. */
  note(
    { bucket, key, version }: ObjectVersion,
    { what, rows, bytes, found }: Pick<Entry, 'what' | 'rows' | 'bytes'> & { readonly found: ReadonlySet<string> },
  ): Promise<void> {
    const values = [...found].map((value) => this.hashes.value(value));
    return this.#write(this.hashes.object(bucket, key), version.etag, { version: 1, what, rows, bytes, values });
  }

  /** Notes a file of a mount that holds rows and has other names, before it is replaced: afterwards nothing would tell. */
  noteLinks(file: string): Promise<void> {
    const entry = { version: 1, what: 'file with other links', rows: 0, bytes: 0, values: [] } as const;
    return this.#write('file', file, entry);
  }

  async #write(name: string, of: string, entry: Entry): Promise<void> {
    const hash = createHash('sha256').update(of).digest('base64url').slice(0, 16);
    await writeOnce(this.s3, {
      bucket: this.work.storage.records.bucket,
      key: `${this.#prefix}${name}-${hash}.json`,
      body: JSON.stringify(entry),
      ...(this.work.storage.records.key && { kmsKey: this.work.storage.records.key }),
    });
  }

  /** Adds everything up that this execution noted, in whatever try. */
  async sum(alive: () => void): Promise<JournalSum> {
    const { bucket } = this.work.storage.records;
    const about = { resource: s3Uri(bucket, this.#prefix), action: 'list', permission: 's3:ListBucket' };
    const sum = { objectsRewritten: 0, objectsDeleted: 0, rows: 0, bytes: 0, links: 0 };
    const found = new Set<string>();
    await withFailures(about, async () => {
      const pages = paginateListObjectsV2({ client: this.s3 }, { Bucket: bucket, Prefix: this.#prefix });
      for await (const { Contents = [] } of pages) {
        for (const { Key = '' } of Contents) {
          alive();
          const entry = await this.#read(bucket, Key);
          sum.rows += entry.rows;
          sum.bytes += entry.bytes;
          if (entry.what === 'rewritten') sum.objectsRewritten += 1;
          if (entry.what === 'deleted') sum.objectsDeleted += 1;
          if (entry.what === 'file with other links') sum.links += 1;
          for (const value of entry.values) found.add(value);
        }
      }
    });
    return { ...sum, found: found.size };
  }

  async #read(bucket: string, key: string): Promise<Entry> {
    const stored = await readText(this.s3, bucket, key);
    return parseRecord<Entry>(stored?.body ?? '', s3Uri(bucket, key));
  }
}
