import type { S3Client } from '@aws-sdk/client-s3';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { SqlError } from '../protocol/messages.js';
import type { CopyStatement } from '../sql/copy.js';
import { placeOf, type S3Place } from '../sql/options.js';
import { detail, listed, opened, uriOf } from './s3.js';

const Manifest = z.object({ entries: z.array(z.object({ url: z.string(), mandatory: z.boolean().default(false) })) });

/** An object that a COPY reads. */
export interface Source extends S3Place {
  /** One that is not there is passed over. */
  readonly optional: boolean;
}

const failure = (message: string) => new SqlError('XX000', message, { detail: detail(message) });
const noKey = (place: S3Place) =>
  failure(`S3ServiceException:The specified key does not exist,Status 404,Error NoSuchKey,Key ${uriOf(place)}`);

async function manifestSources(s3: S3Client, from: S3Place): Promise<Source[]> {
  const body = await opened(s3, from);
  if (!body) throw failure(`Problem reading manifest file - ${noKey(from).message}`);
  let manifest: z.infer<typeof Manifest>;
  try {
    manifest = Manifest.parse(JSON.parse(await text(body)));
  } catch {
    throw failure(`Manifest file is not in correct json format - ${uriOf(from)}`);
  }
  return manifest.entries.map(({ url, mandatory }) => ({ ...placeOf(url), optional: !mandatory }));
}

/**
 * The objects that a COPY reads, in order: those under its prefix, or of its manifest.
 * @throws SqlError in Redshift's words if there are none
 */
export async function sourcesOf(s3: S3Client, { from, manifest }: CopyStatement): Promise<Source[]> {
  if (manifest) return manifestSources(s3, from);
  const found = await listed(s3, from);
  if (found.length === 0) throw failure(`The specified S3 prefix '${from.key}' does not exist`);
  return found.map(({ bucket, key }) => ({ bucket, key, optional: false }));
}

/** An object's content; undefined for one that may be missing and is. */
export async function contentOf(s3: S3Client, source: Source) {
  const body = await opened(s3, source);
  if (!body && !source.optional) throw noKey(source);
  return body;
}
