import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext, TLSSocket } from 'node:tls';
import type { Certificates } from '../../../local/redshift/certificate.js';
import type { CallBook } from '../faults/book.js';
import type { Sighting } from '../faults/calls.js';
import type { Frame } from '../faults/frames.js';
import type { Listening } from '../faults/listen.js';
import { RelayedSession, sightingOf, startRelay } from '../faults/postgres.js';

/** The first message of a client that wants TLS (PostgreSQL: message formats, SSLRequest). */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

type RelayMode =
  | 'open'
  /** Says that it speaks no TLS. */
  | 'no TLS'
  /** Breaks every connection. */
  | 'down';

export interface WarehouseRelay extends Listening {
  readonly port: number;
  mode: RelayMode;
}

export interface Behind {
  readonly host: string;
  readonly port: number;
  /** Of the relay's own certificate, and the authority of the one behind; without, TLS is spoken on neither side. */
  readonly tls?: { readonly own: Certificates; readonly authority: string };
}

/** A relay before a warehouse that reads what goes through: it ends the client's TLS and begins its own. */
export async function startWarehouseRelay(behind: Behind, book: CallBook): Promise<WarehouseRelay> {
  const state = { mode: 'open' as RelayMode };
  const relay = await startRelay(behind, (client, upstream) => {
    if (state.mode === 'down') return void client.resetAndDestroy();
    join(client, upstream, behind, book, () => state.mode).catch(() => client.destroy());
  });
  return Object.assign(state, relay, { port: Number(relay.address.split(':')[1]) });
}

async function join(client: Socket, upstream: Socket, { tls }: Behind, book: CallBook, mode: () => RelayMode) {
  const reset = () => client.resetAndDestroy();
  if (!tls) return void new RelayedSession({ client, upstream, reset }, book, statementCall);
  const [asked] = (await once(client, 'data')) as [Buffer];
  if (mode() === 'no TLS' || !asked.equals(SSL_REQUEST)) return void client.write('N');
  upstream.write(SSL_REQUEST);
  await once(upstream, 'data');
  const outer = connectTls({ socket: upstream, ca: tls.authority, host: '127.0.0.1' });
  outer.on('error', () => undefined);
  await once(outer, 'secureConnect');
  client.write('S');
  const { cert, key } = tls.own;
  const inner = new TLSSocket(client, { isServer: true, secureContext: createSecureContext({ cert, key }) });
  inner.on('error', () => undefined);
  new RelayedSession({ client: inner, upstream: outer, reset }, book, statementCall);
}

/** A statement by its first word: tables have other names in every run. */
function statementCall(batch: readonly Frame[]): Sighting | undefined {
  const sighting = sightingOf(batch);
  return sighting && { ...sighting, service: 'Warehouse', resource: '' };
}
