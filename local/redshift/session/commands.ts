import type { Entry } from '../database/history.js';
import { commandComplete, infoResponse, SqlError, UpstreamError } from '../protocol/messages.js';
import { readCopy } from '../sql/copy.js';
import type { Statement } from '../sql/statement.js';
import { readUnload } from '../sql/unload.js';
import type { Session } from './session.js';

export type Outcome =
  { readonly outcome: Buffer; readonly error?: undefined } | { readonly outcome?: undefined; readonly error: SqlError };

const setting = (name: string, value: number) => `pg_catalog.set_config('redshift.${name}', '${value}', false)`;

async function copy({ upstream, shared, ref }: Session, statement: Statement, entry: Entry): Promise<Buffer> {
  const read = readCopy(statement.text, statement.tokens);
  const { copyFromS3, s3 } = await shared.transfers();
  const { rows, bytes } = await copyFromS3(upstream, s3, read, (bad) => shared.history.badRow(ref, entry, bad));
  [entry.rows, entry.bytes] = [rows, bytes];
  await upstream.query(`SELECT ${setting('last_copy_count', rows)}, ${setting('last_copy_id', entry.id)}`);
  const info = infoResponse(`Load into table '${read.table}' completed, ${rows} record(s) loaded successfully.`);
  return Buffer.concat([info, commandComplete('COPY')]);
}

async function unload({ upstream, shared }: Session, statement: Statement, entry: Entry): Promise<Buffer> {
  const read = readUnload(statement.text, statement.tokens);
  const { unloadToS3, s3 } = await shared.transfers();
  const { rows, bytes } = await unloadToS3(upstream, s3, read, () => shared.cancel(upstream));
  [entry.rows, entry.bytes] = [rows, bytes];
  await upstream.query(`SELECT ${setting('last_unload_count', rows)}`);
  const info = infoResponse(`UNLOAD completed, ${rows} record(s) unloaded successfully.`);
  return Buffer.concat([info, commandComplete('UNLOAD')]);
}

/** CANCEL pid ['message'] */
async function cancel({ upstream }: Session, { tokens }: Statement): Promise<Buffer> {
  const [, pid, words, ...others] = tokens;
  if (pid?.kind !== 'number' || others.length > 0 || (words && words.kind !== 'string'))
    throw new SqlError('42601', `syntax error at or near "${pid?.text ?? 'CANCEL'}"`);
  const { rows } = await upstream.query(`SELECT pg_catalog.pg_cancel_backend(${pid.text})`);
  if (rows[0]?.[0] !== 't') throw new SqlError('XX000', `process ${pid.text} not found`);
  return commandComplete('CANCEL');
}

const commands = { copy, unload, cancel };

/** An error of ours leaves an open transaction failed, as one of the database does. */
async function failTransaction({ upstream }: Session): Promise<void> {
  await upstream.query("DO $$ BEGIN RAISE EXCEPTION 'failed'; END $$").catch((error: unknown) => {
    if (!(error instanceof UpstreamError) || error.fields.get('S') === 'FATAL') throw error;
  });
}

/**
 * Carries out a statement of Redshift's own.
 * @returns what the client is told of its success, or the error
 * @throws SqlError if the session ended
 */
export async function carryOut(session: Session, statement: Statement, entry: Entry): Promise<Outcome> {
  const { upstream } = session;
  try {
    if (upstream.status === 'E')
      throw new SqlError('25P02', 'current transaction is aborted, commands ignored until end of transaction block');
    const command = commands[statement.kind as keyof typeof commands];
    return { outcome: await command(session, statement, entry) };
  } catch (error) {
    const known = error instanceof SqlError ? error : new SqlError('XX000', (error as Error).message);
    if (known instanceof UpstreamError ? known.fields.get('S') === 'FATAL' : known.code === '57P01') {
      entry.error = known;
      await session.finish(statement, entry, undefined);
      throw known;
    }
    if (upstream.status === 'T') await failTransaction(session);
    return { error: known };
  }
}
