import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import { parse } from 'csv-parse';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseS3Uri } from '../../contracts/names.js';
import { isDate } from '../data/dates.js';
import { fail, withFailures } from '../errors.js';
import { answeredByS3 } from '../s3/objects.js';

/** How an owner's objects are told by their keys. */
export interface OwnerPattern {
  /** The owner of a key below the prefix, or undefined if it is nobody's. */
  ownerOf(relativeKey: string): string | undefined;
}

/** `{owner}/*` and the like: parts between slashes, `*` for any one part. */
export function ownerPattern(keys: string): OwnerPattern {
  const literal = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  const parts = keys.split('/').map((part) => {
    if (part === '*') return '[^/]+';
    const [before = '', after] = part.split('{owner}');
    return after === undefined ? literal(before) : `${literal(before)}(?<owner>[^/]+)${literal(after)}`;
  });
  const pattern = new RegExp(`^${parts.join('/')}$`, 's');
  return { ownerOf: (key) => pattern.exec(key)?.groups?.['owner'] };
}

/** Who is dormant, and who of those that were set apart is active again. Owners that the list lacks are in neither. */
export interface Activity {
  readonly dormant: ReadonlySet<string>;
  /** Keyed hashes. */
  readonly returned: ReadonlySet<string>;
}

/**
 * Reads the list of owners twice, as the dates of one owner may stand in any order; in memory are the dormant ones alone. The newest date
 * counts. A first line without a date is a heading.
 * @param since last day (YYYY-MM-DD) of activity that is dormancy
 * @param setApart hash of an owner if they are set apart
 * @throws ResourceMissing, or DataInvalid that names the line by its number
 */
export async function readActivity(
  s3: S3Client,
  ownersUri: string,
  { since, setApart }: { readonly since: string; readonly setApart: (owner: string) => string | undefined },
): Promise<Activity> {
  const dormant = new Set<string>();
  const returned = new Set<string>();
  await eachOwner(s3, ownersUri, (owner, date) => {
    if (date <= since) dormant.add(owner);
    else {
      const hash = setApart(owner);
      if (hash !== undefined) returned.add(hash);
    }
  });
  await eachOwner(s3, ownersUri, (owner, date) => {
    if (date > since) dormant.delete(owner);
  });
  return { dormant, returned };
}

async function eachOwner(s3: S3Client, uri: string, see: (owner: string, date: string) => void): Promise<void> {
  const { bucket, key } = parseS3Uri(uri);
  const about = { resource: `${uri}, the list of owners`, action: 'read', permission: 's3:GetObject' };
  await withFailures(about, async () => {
    const signal = cancellationSignal();
    const { Body, ETag } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal: signal });
    answeredByS3(ETag, uri);
    const rows = parse({ bom: true, trim: true, relax_column_count: true, skip_empty_lines: true });
    let line = 0;
    await pipeline(Body as Readable, rows, async (records: AsyncIterable<string[]>) => {
      for await (const [owner = '', day = ''] of records) {
        line += 1;
        if (line % 10_000 === 0) heartbeat(line);
        const date = day.slice(0, 10);
        if (owner !== '' && isDate(date)) see(owner, date);
        else if (line > 1) throw badLine(uri, `line ${line} is not an owner and a date (YYYY-MM-DD)`);
      }
    }).catch((error: Error) => {
      // The parser's own words quote the line.
      throw /^CSV_|^INVALID_/.test((error as { code?: string }).code ?? '')
        ? badLine(uri, `after line ${line} it is no CSV`)
        : error;
    });
  });
}

const badLine = (uri: string, why: string) =>
  fail(
    'DataInvalid',
    `${uri}, the list of owners: ${why}. Nothing was touched: put it right, then start the retention again`,
  );
