import type { Client } from '@temporalio/client';
import type { AuditVerdict, Certificate, ErasedAnswer } from '../../contracts/purge/audit.js';
import type { Storage } from '../../contracts/storage/index.js';
import { ask } from '../ask.js';
import type { Exchange } from '../exchange.js';

type Warn = (text: string) => void;

/** The signed certificate of a request, made now. */
export async function certificateOf(
  client: Client,
  env: NodeJS.ProcessEnv,
  { request, storage }: { readonly request: string; readonly storage: Storage },
  warn: Warn,
): Promise<Certificate> {
  // The S3 client takes a while to load: only these commands pay for it.
  const { exchanged, recordsPlace } = await import('../exchange.js');
  return exchanged<Certificate>(
    recordsPlace(storage.records),
    (outputUri) => ask(client, env, 'certify', request, { request, storage, outputUri }),
    warn,
  );
}

/** Verifies the chain and a certificate, which may name persons' requests: it travels as an object. */
export async function verifyWith(
  client: Client,
  env: NodeJS.ProcessEnv,
  { certificate, storage }: { readonly certificate: Certificate; readonly storage: Storage },
  warn: Warn,
): Promise<AuditVerdict> {
  return withInput(storage, certificate, warn, ({ inputUri }) =>
    ask(client, env, 'auditVerify', 'certificate', { storage, certificate: { storage, inputUri } }),
  );
}

/** Which purges erased the object of a URI. */
export async function erasedBy(
  client: Client,
  env: NodeJS.ProcessEnv,
  { uri, storage }: { readonly uri: string; readonly storage: Storage },
  warn: Warn,
): Promise<ErasedAnswer> {
  return withInput(storage, { uri }, warn, async (exchange) => {
    const { inputUri, outputUri } = exchange;
    await ask(client, env, 'findErased', 'object', { storage, inputUri, outputUri });
    return JSON.parse(await exchange.read()) as ErasedAnswer;
  });
}

/** Puts a value where the worker can read it, and takes it away again, whatever happens. */
export async function withInput<T>(
  { records }: Storage,
  value: unknown,
  warn: Warn,
  use: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  const module = await import('../exchange.js');
  const exchange = new module.Exchange(module.recordsPlace(records));
  let answer: T;
  try {
    await exchange.put(JSON.stringify(value), 'application/json');
    answer = await use(exchange);
  } catch (error) {
    await exchange.remove().catch((left: Error) => warn(`warning: ${left.message}`));
    throw error;
  }
  await exchange.remove();
  return answer;
}
