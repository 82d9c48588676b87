import { chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureType } from '../../contracts/failures.js';
import { certificatesOf } from '../../local/redshift/certificate.js';
import { failureOf } from './support/local-sagemaker.js';
import { startPostgresWorld, type Prepare, type PostgresWorld } from './support/postgres-world.js';

let world: PostgresWorld;
let folder: string;
let caFile: string;
beforeAll(async () => {
  world = await startPostgresWorld();
  folder = await mkdtemp(join(tmpdir(), 'perennial-tls-'));
  const { cert, key, caFile: file } = certificatesOf(folder);
  caFile = file;
  // PostgreSQL reads them as the user that it runs as, which owns its data.
  const { rows } = await world.admin.query<{ data_directory: string }>('SHOW data_directory');
  const dir = rows[0]?.data_directory ?? '';
  const { uid, gid } = await stat(dir);
  for (const [name, text] of [
    ['test-tls.pem', cert],
    ['test-tls.key', key],
  ] as const) {
    await writeFile(join(dir, name), text, { mode: 0o600 });
    await chown(join(dir, name), uid, gid);
  }
  await world.admin.query(`ALTER SYSTEM SET ssl_cert_file = 'test-tls.pem'`);
  await world.admin.query(`ALTER SYSTEM SET ssl_key_file = 'test-tls.key'`);
  await encrypted('on');
});
afterAll(async () => {
  await encrypted('off');
  await world.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Whether the server takes TLS of connections to come; those without are taken all the same, as those of other tests are. */
async function encrypted(ssl: 'on' | 'off'): Promise<void> {
  await world.admin.query(`ALTER SYSTEM SET ssl = ${ssl}`);
  await world.admin.query('SELECT pg_reload_conf()');
  for (;;) {
    const { rows } = await world.admin.query<{ ssl: string }>('SHOW ssl');
    if (rows[0]?.ssl === ssl) return;
  }
}

/** Answers whether its own connection is encrypted. */
const IS_ENCRYPTED = 'SELECT ssl::int AS price FROM pg_stat_ssl WHERE pid = pg_backend_pid()';

async function answerOver(url: string, prepare: Partial<Prepare> = {}): Promise<string> {
  await world.setParameter(url);
  const work = world.input(IS_ENCRYPTED, prepare);
  await world.exported(work);
  return world.text((await world.parts(work))[0] ?? '');
}

describe('TLS to PostgreSQL', () => {
  it('is used, by an authority that the definition names', async () => {
    expect(await answerOver(world.url, { ca: caFile })).toBe('1\n');
    expect(await answerOver(`${world.url}?sslmode=disable`)).toBe('0\n');
  });

  it('compares the certificate with the name in the URL, whichever way is taken', async () => {
    // The database is 127.0.0.1; its name in the URL is not one of the certificate.
    const named = world.url.replace('127.0.0.1', 'db.example.com');
    await world.setParameter(named);
    const failure = await failureOf(world.exported(world.input(IS_ENCRYPTED, { ca: caFile, host: '127.0.0.1' })));
    expect([failure.type, failure.message]).toEqual(['AccessDenied', expect.stringContaining('db.example.com')]);
    const local = world.url.replace('127.0.0.1', 'localhost');
    expect(await answerOver(local, { ca: caFile, host: '127.0.0.1' })).toBe('1\n');
  });

  it.each([
    ['an authority that nobody trusts', {}, 'AccessDenied', /TLS: .*certificate.*prepare\.redshift\.ca/],
    [
      'a file of authorities that is not there',
      { ca: '/nowhere/ca.pem' },
      'DefinitionInvalid',
      /\/nowhere\/ca\.pem can't be read on this worker \(ENOENT\)/,
    ],
  ] as const)('refuses %s', async (_case, prepare, type, message) => {
    await world.setParameter(world.url);
    const failure = await failureOf(world.exported(world.input(IS_ENCRYPTED, prepare)));
    expect([failure.type, failure.nonRetryable]).toEqual([type, true]);
    expect(failure.message).toMatch(message);
  });
});

describe('a URL that is wrong', () => {
  const SECRET = 'hunter2-%25-s3cr3t';
  const PLAIN = 'hunter2-%-s3cr3t';
  const to = (rest: string) => `postgres://somebody:${SECRET}@127.0.0.1${rest}`;
  const port = () => new URL(world.url).port;

  const cases: readonly (readonly [string, () => string | Promise<string>, FailureType, RegExp])[] = [
    [
      'no URL',
      () => SECRET,
      'DefinitionInvalid',
      /SSM parameter \S+ \(prepare\.redshift\.urlParameter\) holds no URL.* postgres:\/\//,
    ],
    ['a % on its own', () => `postgres://somebody:${PLAIN}@127.0.0.1/x`, 'DefinitionInvalid', /a % is %25 there/],
    ['another protocol', () => to('/x').replace('postgres', 'https'), 'DefinitionInvalid', /holds no PostgreSQL URL/],
    ['no user', () => 'postgres://127.0.0.1/x', 'DefinitionInvalid', /a URL without user/],
    [
      'no TLS to another machine',
      () => `postgres://somebody:${SECRET}@db.example.com/x?sslmode=disable`,
      'DefinitionInvalid',
      /without TLS to another machine/,
    ],
    [
      'a user or password that is refused',
      () => to(`:${port()}/x?sslmode=disable`),
      'AccessDenied',
      /connect failed: password authentication failed .*SQLSTATE 28P01.*urlParameter/,
    ],
    [
      'no password',
      () => `postgres://perennial@127.0.0.1:${port()}/x?sslmode=disable`,
      'AccessDenied',
      /connect failed: .*password.*urlParameter/,
    ],
    [
      'a database that is missing',
      () => `${world.url.replace(/\/[^/]*$/, '/nowhere')}?sslmode=disable`,
      'DefinitionInvalid',
      /connect failed: database "nowhere" does not exist.*urlParameter/,
    ],
    [
      'a port where nobody listens',
      () => to(':9/x?sslmode=disable'),
      'NetworkError',
      /connect failed: .*ECONNREFUSED.* It is tried again/,
    ],
    [
      'a server without TLS',
      async () => (await encrypted('off'), world.url),
      'AccessDenied',
      /TLS: The server does not support SSL/,
    ],
  ];
  it.each(cases)('is told, without a secret: %s', async (_case, url, type, message) => {
    const value = await url();
    await world.setParameter(value);
    const failure = await failureOf(world.exported(world.input('SELECT 1 AS price')));
    expect(failure.message).toMatch(message);
    expect([failure.type, failure.nonRetryable]).toEqual([type, type !== 'NetworkError']);
    const all = [failure, failure.cause]
      .map((one) => `${one?.message} ${one?.stack} ${JSON.stringify(one)}`)
      .join('\n');
    for (const secret of [SECRET, PLAIN, new URL(world.url).password]) expect(all).not.toContain(secret);
  });

  it('is told, without a secret: a parameter that is missing, or that anybody may read', async () => {
    const missing = await failureOf(world.exported(world.input('SELECT 1 AS price', { urlParameter: '/nowhere/url' })));
    expect([missing.type, missing.message]).toEqual([
      'DefinitionInvalid',
      expect.stringContaining('/nowhere/url (prepare.redshift.urlParameter) is missing'),
    ]);
    await world.setParameter(to('/x'), 'String', `${world.parameter}-open`);
    const work = world.input('SELECT 1 AS price', { urlParameter: `${world.parameter}-open` });
    const open = await failureOf(world.exported(work));
    expect([open.type, open.message]).toEqual(['DefinitionInvalid', expect.stringContaining('is a String')]);
    expect(open.message).not.toContain(SECRET);
  });
});
