import type { S3Client } from '@aws-sdk/client-s3';
import type { RunRef } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import { s3Uri } from '../../contracts/names.js';
import type { Prepared } from '../../contracts/prepare.js';
import { specHash } from '../resources.js';
import { namesIn } from '../s3/objects.js';
import { readRecord, recordKey } from '../s3/records.js';
import { headOf } from './objects.js';
import { placesOf } from './places.js';

/** Metadata of published objects: the SHA-256 of all that was published together, by which the same content is known. */
export const CONTENT = 'perennial-content';

export type Published = Omit<Prepared, 'checks' | 'seconds' | 'by'>;

/** What a run's `published.json` holds. Those of before this was kept have no `made`. */
export interface PublishedRecord extends Published {
  readonly version: 1;
  readonly made?: {
    /** SHA-256 of the content, as in the objects' metadata. */
    readonly content: string;
    /** Of what the definition asked for. */
    readonly wanted: string;
    /** Of the export's statement. */
    readonly seconds: number;
  };
}

/** SHA-256 of what decides what is exported; how the warehouse is reached, and how long that may take, makes no other rows. */
export function wantedHash(definition: Definition): string {
  const { host: _h, port: _p, ca: _ca, credentials: _c, timeout: _t, ...asked } = definition.prepare?.redshift ?? {};
  const { prefix, window, parameter } = definition.data;
  return specHash({ asked, prefix, window, parameter, key: recordKey(definition) });
}

/** Whether what lies under a prefix is this very content, all of it. */
export async function holds(
  s3: S3Client,
  place: { readonly bucket: string; readonly folder: string },
  names: readonly string[],
  { parts, content, bytes }: { readonly parts: number; readonly content: string; readonly bytes: number },
): Promise<boolean> {
  if (names.length !== parts) return false;
  let found = 0;
  for (const name of names) {
    const { Metadata, ContentLength = 0 } = await headOf(s3, place.bucket, `${place.folder}${name}`);
    if (Metadata?.[CONTENT] !== content) return false;
    found += ContentLength;
  }
  // Metadata stay where content is changed in place, as an erasure of rows does.
  return found === bytes;
}

/** What a run published, if it lies there still and the definition asks for nothing else; else why not. Undefined where it published nothing. */
export async function publishedBy(
  s3: S3Client,
  definition: Definition,
  ref: RunRef,
): Promise<Prepared | string | undefined> {
  const { bucket, folder } = placesOf({ ref, definition, asOf: '' });
  const stored = await readRecord<PublishedRecord>(s3, bucket, `${folder}published.json`);
  if (!stored) return undefined;
  const { version: _, made, ...published } = stored.record;
  if (made === undefined) return 'its record is of an earlier version, which kept no hash of the content';
  if (made.wanted !== wantedHash(definition)) return 'prepare, data or the key of the definition are others now';
  const { publishedTo, parts, bytes } = published;
  const to = publishedTo.slice(s3Uri(bucket, '').length);
  const names = await namesIn(s3, bucket, to);
  if (!(await holds(s3, { bucket, folder: to }, names, { parts, bytes, content: made.content })))
    return `${publishedTo} holds something else now`;
  return { ...published, checks: [], seconds: made.seconds };
}
