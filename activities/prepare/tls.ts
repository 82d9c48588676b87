import { readFile } from 'node:fs/promises';
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { fail } from '../errors.js';

/** Certificates are always checked, against the warehouse's own name: another host is only another way to it. */
export async function tls({ ca }: RedshiftPrepare, identity: string): Promise<ConnectionOptions> {
  return {
    ...(ca !== undefined && { ca: await authorities(ca) }),
    rejectUnauthorized: true,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerIdentity(identity, certificate),
  };
}

async function authorities(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw fail(
      'DefinitionInvalid',
      `prepare.redshift.ca: ${file} can't be read on this worker (${(error as NodeJS.ErrnoException).code}): put the certificates there on every worker`,
    );
  }
}
