import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { once } from 'node:events';

/** Codes in the place of a protocol version (PostgreSQL: message formats). */
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
const VERSION_3 = 3;
const LARGEST = 10_000;

export type Opening =
  | { readonly kind: 'session'; readonly socket: Duplex; readonly parameters: ReadonlyMap<string, string> }
  /** A start-up that asked for no TLS. */
  | { readonly kind: 'plain'; readonly socket: Duplex; readonly parameters: ReadonlyMap<string, string> }
  | { readonly kind: 'cancel'; readonly request: Buffer };

/** One packet without a type, as the first ones of a connection are. The client waits for an answer, so nothing may follow it. */
async function packet(socket: Duplex): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  const length = () => (bytes.length >= 4 ? bytes.readInt32BE() : 4);
  while (bytes.length < length() || bytes.length < 4) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) bytes = Buffer.concat([bytes, chunk]);
    else if (socket.readableEnded || socket.destroyed) throw new Error('the client left during start-up');
    else await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
    if (length() > LARGEST || length() < 4) throw new Error('the client does not speak the PostgreSQL protocol');
  }
  if (bytes.length > length()) throw new Error('the client sent more than one start-up packet at once');
  return bytes;
}

async function secured(socket: Socket, secureContext: SecureContext): Promise<TLSSocket> {
  socket.removeAllListeners('readable');
  socket.write('S');
  const secure = new TLSSocket(socket, { isServer: true, secureContext });
  secure.on('error', () => undefined);
  await once(secure, 'secure');
  return secure;
}

function parametersOf(bytes: Buffer): Map<string, string> {
  const words = bytes.toString('utf8', 8).split('\0');
  const parameters = new Map<string, string>();
  for (let at = 0; words[at]; at += 2) parameters.set(words[at] as string, words[at + 1] ?? '');
  return parameters;
}

/**
 * Takes a connection up to its start-up packet, over TLS where the client asks for it.
 * @throws Error if the client speaks something else or leaves
 */
export async function open(socket: Socket, secureContext: SecureContext): Promise<Opening> {
  let current: Duplex = socket;
  for (;;) {
    const bytes = await packet(current);
    const code = bytes.length >= 8 ? bytes.readInt32BE(4) : 0;
    if (code === SSL_REQUEST && current === socket) current = await secured(socket, secureContext);
    else if (code === GSS_REQUEST) current.write('N');
    else if (code === CANCEL_REQUEST) return { kind: 'cancel', request: bytes };
    else if (code >> 16 === VERSION_3)
      return { kind: current === socket ? 'plain' : 'session', socket: current, parameters: parametersOf(bytes) };
    else throw new Error(`the client asks for protocol ${code >> 16}.${code & 0xffff}, and this speaks 3.0`);
  }
}
