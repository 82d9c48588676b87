import type { S3Client } from '@aws-sdk/client-s3';
import type { Message } from '../protocol/frames.js';
import {
  type Column,
  describeStatement,
  errorOf,
  parse,
  query,
  SqlError,
  sync,
  type UpstreamError,
} from '../protocol/messages.js';
import type { Upstream } from '../protocol/upstream.js';
import { tokens } from '../sql/lexer.js';
import { translate } from '../sql/translate.js';
import type { UnloadStatement } from '../sql/unload.js';
import { UnloadFiles } from './files.js';
import { manifestOf } from './manifest.js';
import { listed, removed, s3Error, written } from './s3.js';

interface Unloaded {
  readonly rows: number;
  readonly bytes: number;
}

const HEADER = 5;
const BACKSLASH = '\\'.charCodeAt(0);

/** The options of PostgreSQL's COPY that write a row as Redshift does. */
function formatOf({ csv, addQuotes, delimiter, nullAs }: UnloadStatement): string {
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const common = `DELIMITER ${literal(delimiter ?? (csv ? ',' : '|'))}, NULL ${literal(nullAs)}`;
  if (csv) return `FORMAT csv, ${common}`;
  return addQuotes ? `FORMAT csv, FORCE_QUOTE *, ${common}` : `FORMAT text, ${common}`;
}

const PLAIN: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A row of PostgreSQL's text format without its escapes: Redshift makes none. */
function plain(row: Buffer): Buffer {
  if (!row.includes(BACKSLASH)) return row;
  const text = row.toString('latin1').replace(/\\(.)/gs, (_, char: string) => PLAIN[char] ?? char);
  return Buffer.from(text, 'latin1');
}

function headerOf(unload: UnloadStatement, columns: readonly Column[]): Buffer | undefined {
  if (!unload.header) return undefined;
  const names = columns.map(({ name }) => (unload.addQuotes ? `"${name.replaceAll('"', '""')}"` : name));
  return Buffer.from(`${names.join(unload.delimiter ?? (unload.csv ? ',' : '|'))}\n`);
}

/** Looks at what is there already, as the statement's options say. */
async function clearWay(s3: S3Client, unload: UnloadStatement): Promise<void> {
  if (unload.allowOverwrite) return;
  const there = await listed(s3, unload.to);
  if (there.length === 0) return;
  if (unload.cleanPath) return removed(s3, there);
  throw new SqlError(
    'XX000',
    'Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE option.',
  );
}

/**
 * Carries out an UNLOAD in the session: files by parts as the rows come, the manifest last.
 * @param cancel ends the query in the database, should S3 refuse its rows
 * @throws SqlError, UpstreamError; files that were whole by then stay, as on Redshift
 */
export async function unloadToS3(
  upstream: Upstream,
  s3: S3Client,
  unload: UnloadStatement,
  cancel: () => void,
): Promise<Unloaded> {
  const select = translate(unload.query, tokens(unload.query));
  const { columns } = await upstream.query('', Buffer.concat([parse('', select), describeStatement(''), sync()]));
  await clearWay(s3, unload);
  const files = new UnloadFiles(s3, unload, headerOf(unload, columns));
  const asText = !unload.csv && !unload.addQuotes;
  let refused: UpstreamError | undefined;
  let failed: Error | undefined;
  const sink = async (messages: readonly Message[]): Promise<void> => {
    for (const message of messages) {
      if (message.type === 'E') refused = errorOf(message);
      if (message.type !== 'd' || failed) continue;
      const row = message.bytes.subarray(HEADER);
      try {
        await files.write(asText ? plain(row) : row);
      } catch (error) {
        failed = error as Error;
        cancel();
      }
    }
  };
  try {
    // The line break keeps a comment at the query's end from the parenthesis.
    await upstream.exchange(query(`COPY (${select}\n) TO STDOUT WITH (${formatOf(unload)})`), sink);
    if (failed) throw failed;
    if (refused) throw refused;
    const finished = await files.end();
    const total = (of: (file: (typeof finished)[number]) => number) =>
      finished.reduce((sum, file) => sum + of(file), 0);
    if (unload.manifest) {
      const place = { ...unload.to, key: `${unload.to.key}manifest` };
      const text = manifestOf(unload.to, finished, unload.manifest === 'verbose', columns);
      await written(s3, place, text, unload.kmsKeyId);
    }
    return { rows: total(({ rows }) => rows), bytes: total(({ bytes }) => bytes) };
  } catch (error) {
    await files.abandon(error as Error);
    throw error instanceof SqlError ? error : s3Error(error);
  }
}
