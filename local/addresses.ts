import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';

/** The address that parts of local mode listen on, and that they reach each other by, unless told otherwise. */
export const LOOPBACK = '127.0.0.1';

/** An IP address to listen on; `0.0.0.0` and `::` are all of the machine's, which in a container are its own. */
export const listenAddress = z.string().refine((text) => isIP(text) !== 0, {
  error: 'is no IP address: 127.0.0.1 for this machine alone, 0.0.0.0 in a container of its own',
});

/** URL by which this machine reaches what listens on an address: all addresses are none to call, loopback is one of them. */
export function baseUrl(host: string, port: number): string {
  const called = host === '0.0.0.0' ? LOOPBACK : host === '::' ? '::1' : host;
  return `http://${isIPv6(called) ? `[${called}]` : called}:${port}`;
}
