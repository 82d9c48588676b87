import { Context } from '@temporalio/activity';
import pg from 'pg';
import { statementTag, type PrepareInput, type PrepareStep } from '../../contracts/prepare.js';
import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { durationMs } from '../../contracts/duration.js';
import { accessOf, type Access, type WarehouseClients } from './access.js';
import { warehouseFailure } from './failures.js';
import { beating, type Progress } from './progress.js';

const CONNECT_WITHIN_MS = 30_000;
/** Of its time limit: the warehouse's clock and ours begin at different moments. */
const NEARLY = 0.95;
/** A server that does not take the cancellation is left alone after this. */
const CANCEL_WITHIN_MS = 4_000;

/** A connection whose statements carry the run's tag, and are cancelled on the server when the activity is. */
export interface Session {
  readonly dialect: Access['dialect'];
  /** The warehouse, for people. */
  readonly name: string;
  readonly tag: string;
  /** Of the server's process. */
  readonly pid: number;
  readonly client: pg.Client;
  /** What the heartbeats tell. */
  readonly progress: Progress;
  /** One statement, or several without values. `action` says what it is for people. */
  query<Row extends pg.QueryResultRow>(action: string, sql: string, values?: unknown[]): Promise<pg.QueryResult<Row>>;
  /** What the error of a statement that began then (epoch milliseconds) is told as. */
  failure(action: string, error: unknown, began: number): Error;
}

/** Connects, works, and leaves no connection and no statement behind, however it ends. Heartbeats throughout. */
export async function withSession<T>(
  clients: WarehouseClients,
  input: Pick<PrepareInput, 'ref'>,
  prepare: RedshiftPrepare,
  step: PrepareStep,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  return beating('connect', async (progress) => {
    const access = await accessOf(clients, prepare);
    const client = await connected(access);
    try {
      const tag = statementTag(input.ref, step);
      const session = await opened(client, access, tag, durationMs(prepare.timeout), progress);
      // Those that the session began with may have expired by then.
      return await untilCancelled(session, () => cancelStatement(accessOf(clients, prepare), session.pid), work);
    } finally {
      await client.end().catch(() => undefined);
    }
  });
}

async function connected({ config, name }: Access): Promise<pg.Client> {
  const client = new pg.Client({ ...config, connectionTimeoutMillis: CONNECT_WITHIN_MS, keepAlive: true });
  // What is wrong with the connection fails the statement that is under way.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw warehouseFailure(error, { warehouse: name, action: 'connect' });
  }
}

async function opened(
  client: pg.Client,
  access: Access,
  tag: string,
  timeoutMs: number,
  progress: Progress,
): Promise<Session> {
  const { name, dialect } = access;
  const failure: Session['failure'] = (action, error, began) => {
    const took = Date.now() - began;
    const tookTooLong = took >= NEARLY * timeoutMs;
    return warehouseFailure(error, { warehouse: name, action, ...(tookTooLong && { tookTooLong: took / 1_000 }) });
  };
  const query: Session['query'] = async (action, sql, values) => {
    const began = Date.now();
    progress.begin(action);
    try {
      return await client.query(sql, values);
    } catch (error) {
      throw failure(action, error, began);
    }
  };
  // The tag is made of names that the definition's schema allows: nothing in it needs a quote.
  await query(
    'set the tag',
    dialect === 'redshift' ? `SET query_group TO '${tag}'` : `SET application_name TO '${tag.slice(0, 63)}'`,
  );
  await query('set the time limit', `SET statement_timeout TO ${timeoutMs}`);
  const { rows } = await query<{ pid: number }>('ask for its process', 'SELECT pg_backend_pid() AS pid');
  return { dialect, name, tag, client, progress, query, failure, pid: Number(rows[0]?.pid) };
}

/**
 * Works until the activity is cancelled: then the statement is cancelled on the server, by a connection of its own, and the session's connection
 * is closed. So nothing else begins in it, and the work does not wait for a server that did not take the cancellation.
 */
async function untilCancelled<T>(
  session: Session,
  cancel: () => Promise<void>,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const { cancellationSignal, cancelled } = Context.current();
  // It may have come while the connection was made: then no listener is called any more.
  if (cancellationSignal.aborted) await cancelled;
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= cancel().then(() => session.client.end());
  };
  cancellationSignal.addEventListener('abort', stop, { once: true });
  try {
    return await work(session);
  } catch (error) {
    if (cancellationSignal.aborted) await cancelled;
    throw error;
  } finally {
    cancellationSignal.removeEventListener('abort', stop);
    await stopping;
  }
}

/** Cancels what a process of the server does now, at best: a server that isn't reached ends the statement once it sees that its connection is gone. */
async function cancelStatement(access: Promise<Access>, pid: number): Promise<void> {
  let client: pg.Client | undefined;
  try {
    client = new pg.Client({
      ...(await access).config,
      connectionTimeoutMillis: CANCEL_WITHIN_MS,
      query_timeout: CANCEL_WITHIN_MS,
    });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('SELECT pg_cancel_backend($1::int)', [pid]);
  } catch {
    // Told above.
  } finally {
    await client?.end().catch(() => undefined);
  }
}
