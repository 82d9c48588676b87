import type { SSMClient } from '@aws-sdk/client-ssm';
import type { ClientConfig } from 'pg';
import type { RedshiftPrepare } from '../../contracts/definition/prepare.js';
import { fail } from '../errors.js';
import { readParameter } from '../parameters.js';
import type { Access } from './access.js';
import { tls } from './tls.js';

const LOOPBACK = /^(127\.0\.0\.1|localhost|\[?::1\]?)$/;

/** How the PostgreSQL of a URL in SSM is reached. The URL holds a password: nothing of it but names is in a message. */
export async function postgresAccess(
  ssm: SSMClient,
  prepare: RedshiftPrepare,
  parameter: string,
  name: string,
): Promise<Access> {
  const stored = await readParameter(ssm, parameter, { decrypt: true });
  const wrong = (what: string) =>
    fail(
      'DefinitionInvalid',
      `SSM parameter ${parameter} (prepare.redshift.urlParameter) ${what}: it must be a SecureString with postgres://user:password@host:port/database`,
    );
  if (!stored) throw wrong('is missing');
  if (stored.type !== 'SecureString') throw wrong(`is a ${stored.type}, which whoever may read parameters can read`);
  const url = parsed(stored.value);
  if (!url) throw wrong('holds no URL, or one with a % that begins no character (a % is %25 there)');
  if (!/^postgres(ql)?:$/.test(url.protocol)) throw wrong('holds no PostgreSQL URL');
  if (url.username === '' || url.hostname === '')
    throw wrong(`holds a URL without ${url.hostname === '' ? 'host' : 'user'}`);
  // An address of IPv6 has brackets in a URL alone.
  const own = url.hostname.replace(/^\[|\]$/g, '');
  const plain = url.searchParams.get('sslmode') === 'disable';
  if (plain && !LOOPBACK.test(prepare.host ?? own)) throw wrong('asks for a connection without TLS to another machine');
  const config: ClientConfig = {
    host: prepare.host ?? own,
    port: prepare.port ?? Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ssl: plain ? false : await tls(prepare, own),
  };
  return { config, name, dialect: 'postgres' };
}

/** Nothing of what is no URL may be in a message: it may be the password. */
function parsed(text: string): URL | undefined {
  try {
    const url = new URL(text.trim());
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
    return url;
  } catch {
    return undefined;
  }
}
