import type { S3Client } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  completionOf,
  copyData,
  copyDone,
  copyFail,
  errorOf,
  query,
  SqlError,
  type UpstreamError,
} from '../protocol/messages.js';
import type { Upstream } from '../protocol/upstream.js';
import type { CopyStatement } from '../sql/copy.js';
import { csvReader, delimitedReader, RecordTooLong } from './records.js';
import { BadRow, rowWriter, type TargetColumn } from './rows.js';
import { s3Error, uriOf } from './s3.js';
import { contentOf, type Source, sourcesOf } from './sources.js';

/** Where a row that could not be loaded came from; its values stay in the warehouse. */
export interface LoadError {
  readonly file: string;
  readonly line: number;
  readonly column?: string;
  readonly reason: string;
}

interface Loaded {
  readonly rows: number;
  readonly bytes: number;
}

/** PostgreSQL looks whether a COPY is to be cancelled only when a message comes. */
const NUDGE_MS = 500;
const EMPTY = copyData(Buffer.alloc(0));

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** The columns that the statement fills, in its order. */
async function targetColumns(upstream: Upstream, { table, columns }: CopyStatement): Promise<TargetColumn[]> {
  const { rows } = await upstream.query(
    `SELECT a.attname, t.typcategory, format_type(t.oid, NULL) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid = ${literal(table)}::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
     ORDER BY a.attnum`,
  );
  const all = rows.map(([name, category, type]) => ({ name, category, type }) as TargetColumn);
  if (columns.length === 0) return all;
  return columns.map((wanted) => {
    const found = all.find(({ name }) => name === wanted) ?? all.find(({ name }) => name === wanted.toLowerCase());
    if (!found) throw new SqlError('42703', `column "${wanted}" of relation "${table}" does not exist`);
    return found;
  });
}

/** What the database says while rows are on their way to it. */
class Intake {
  rows = 0;
  failure: UpstreamError | undefined;
  readonly ready: Promise<boolean>;
  private told: (ready: boolean) => void = () => undefined;

  constructor() {
    this.ready = new Promise((resolve) => (this.told = resolve));
  }

  readonly sink = (messages: readonly { type: string; bytes: Buffer }[]): void => {
    for (const message of messages) {
      if (message.type === 'E') this.failure = errorOf(message);
      else if (message.type === 'C') this.rows = completionOf(message).rows;
      if (message.type === 'G' || message.type === 'E') this.told(message.type === 'G');
    }
  };
}

/** Sends the rows of one object. */
async function sendObject(
  upstream: Upstream,
  intake: Intake,
  body: AsyncIterable<Buffer>,
  copy: CopyStatement,
  write: (fields: readonly string[]) => string,
  position: { line: number },
): Promise<number> {
  const reader = copy.csv ? csvReader(copy.delimiter ?? ',', copy.quote) : delimitedReader(copy.delimiter ?? '|');
  let bytes = 0;
  const send = async (records: readonly string[][]) => {
    let rows = '';
    for (const record of records) {
      position.line += 1;
      if (position.line > copy.ignoreHeader) rows += write(record);
    }
    if (rows !== '') await upstream.send(copyData(Buffer.from(rows, 'latin1')));
  };
  for await (const chunk of body) {
    if (intake.failure) return bytes;
    bytes += chunk.length;
    await send(reader.push(chunk.toString('latin1')));
  }
  await send(reader.end());
  return bytes;
}

const loadFailed = (table: string) =>
  new SqlError('XX000', `Load into table '${table}' failed.  Check 'stl_load_errors' system table for details.`);

/** PostgreSQL's error of a row names its place in the context, with its values. Redshift's names neither. */
function rowError(error: UpstreamError): { line: number; column?: string } | undefined {
  const place = /COPY .+?, line (\d+)(?:, column ([^:\s]+))?/.exec(error.fields.get('W') ?? '');
  if (!place || error.code === '57014') return undefined;
  return { line: Number(place[1]), ...(place[2] ? { column: place[2] } : {}) };
}

/**
 * Carries out a COPY in the session, within its transaction if one is open.
 * @param onBadRow is told where a row is that could not be loaded
 * @throws SqlError, UpstreamError; then nothing is loaded
 */
export async function copyFromS3(
  upstream: Upstream,
  s3: S3Client,
  copy: CopyStatement,
  onBadRow: (error: LoadError) => Promise<void>,
): Promise<Loaded> {
  const columns = await targetColumns(upstream, copy);
  const write = rowWriter(columns, copy);
  const sources = await sourcesOf(s3, copy);
  const intake = new Intake();
  /** Rows sent before each object, to find the object that a line of the whole is in. */
  const starts: { source: Source; before: number; sent: number }[] = [];
  const position = { line: 0 };
  let failed: Error | undefined;
  let bytes = 0;
  const list = columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ');
  const done = upstream.exchange(query(`COPY ${copy.table} (${list}) FROM STDIN`), intake.sink);
  done.catch(() => undefined);
  if (await Promise.race([intake.ready, done.then(() => false)])) {
    const nudge = new AbortController();
    void nudged(upstream, nudge.signal);
    try {
      let before = 0;
      for (const source of sources) {
        if (intake.failure) break;
        position.line = 0;
        const body = await contentOf(s3, source);
        if (!body) continue;
        const start = { source, before, sent: 0 };
        starts.push(start);
        const content = copy.gzip ? pipeline(body, createGunzip(), () => undefined) : body;
        bytes += await sendObject(upstream, intake, content, copy, write, position);
        before += Math.max(0, position.line - copy.ignoreHeader);
      }
      if (starts.length === 0)
        throw new SqlError('XX000', `None of the objects of the manifest ${uriOf(copy.from)} exist`);
    } catch (error) {
      failed = error as Error;
    } finally {
      nudge.abort();
    }
    await upstream.send(failed ? copyFail('the source could not be read') : copyDone());
  }
  await done;
  const bad = failed instanceof BadRow || failed instanceof RecordTooLong;
  const at = starts.at(-1);
  if (bad && at) {
    const column = failed instanceof BadRow ? failed.column : undefined;
    const reason = failed instanceof BadRow ? failed.message : 'String length exceeds DDL length';
    await onBadRow({ file: uriOf(at.source), line: position.line, reason, ...(column ? { column } : {}) });
    throw loadFailed(copy.table);
  }
  if (failed) throw s3Error(failed);
  if (!intake.failure) return { rows: intake.rows, bytes };
  const place = rowError(intake.failure);
  if (!place) throw intake.failure;
  const start = starts.findLast(({ before }) => before < place.line) ?? at;
  const line = place.line - (start?.before ?? 0) + copy.ignoreHeader;
  await onBadRow({ ...place, file: start ? uriOf(start.source) : '', line, reason: intake.failure.message });
  throw loadFailed(copy.table);
}

async function nudged(upstream: Upstream, signal: AbortSignal): Promise<void> {
  while (await sleep(NUDGE_MS, true, { signal, ref: false }).catch(() => false)) {
    try {
      await upstream.send(EMPTY);
    } catch {
      return;
    }
  }
}
