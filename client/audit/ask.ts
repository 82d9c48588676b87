import type { Client } from '@temporalio/client';
import type { AuditVerdict, Certificate, ErasedAnswer } from '../../contracts/purge/audit.js';
import type { Storage } from '../../contracts/storage/index.js';
import { ask } from '../ask.js';
import type { Exchange } from '../exchange.js';
import type { Terminal } from '../terminal.js';

/** The signed certificate of a request, made now. */
export async function certificateOf(
  client: Client,
  terminal: Terminal,
  { request, storage }: { readonly request: string; readonly storage: Storage },
): Promise<Certificate> {
  return lent(terminal, storage, async (exchange, interrupt) => {
    const { outputUri } = exchange;
    await ask(client, terminal, 'certify', request, { request, storage, outputUri }, interrupt);
    return JSON.parse(await exchange.read()) as Certificate;
  });
}

/** Verifies the chain and a certificate, which may name persons' requests: it travels as an object. */
export async function verifyWith(
  client: Client,
  terminal: Terminal,
  { certificate, storage }: { readonly certificate: Certificate; readonly storage: Storage },
): Promise<AuditVerdict> {
  return withInput(terminal, storage, certificate, ({ inputUri }, interrupt) =>
    ask(client, terminal, 'auditVerify', 'certificate', { storage, certificate: { storage, inputUri } }, interrupt),
  );
}

/** Which purges erased the object of a URI. */
export async function erasedBy(
  client: Client,
  terminal: Terminal,
  { uri, storage }: { readonly uri: string; readonly storage: Storage },
): Promise<ErasedAnswer> {
  return withInput(terminal, storage, { uri }, async (exchange, interrupt) => {
    const { inputUri, outputUri } = exchange;
    await ask(client, terminal, 'findErased', 'object', { storage, inputUri, outputUri }, interrupt);
    return JSON.parse(await exchange.read()) as ErasedAnswer;
  });
}

/** Puts a value where the worker can read it, and takes it away again, whatever happens. */
export async function withInput<T>(
  terminal: Terminal,
  storage: Storage,
  value: unknown,
  use: (exchange: Exchange, interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  return lent(terminal, storage, async (exchange, interrupt) => {
    await exchange.put(JSON.stringify(value), 'application/json');
    return use(exchange, interrupt);
  });
}

async function lent<T>(
  terminal: Terminal,
  { records }: Storage,
  use: (exchange: Exchange, interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  // The S3 client takes a while to load: only these commands pay for it.
  const { recordsPlace, withExchange } = await import('../exchange.js');
  return withExchange(terminal, recordsPlace(records), use);
}
