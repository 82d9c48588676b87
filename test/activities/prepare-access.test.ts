import { GetClusterCredentialsCommand, type RedshiftClient } from '@aws-sdk/client-redshift';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificatesOf } from '../../local/redshift/certificate.js';
import { failureOf } from './support/local-sagemaker.js';
import { startPrepareWorld, type PrepareWorld } from './support/prepare-world.js';
import { runActivity } from './support/world.js';

let world: PrepareWorld;
beforeAll(async () => {
  world = await startPrepareWorld();
}, 60_000);
afterAll(() => world.stop());

const expire = () => fetch(`${world.fixture.redshift.url}/_local/credentials/expire`, { method: 'POST' });
/** What the work of a table of its own: users don't share theirs. */
const ofTable = (table: string) => ({
  setup: [{ file: 'setup.sql', sql: `CREATE TABLE IF NOT EXISTS ${table} (id int, price numeric(8,2), sold date)` }],
  load: [{ table, from: `s3://${world.fixture.bucket}/raw/sales_` }],
  checks: [{ name: 'sales', rows: table, min: 4 }],
  query: { file: 'query.sql', sql: `SELECT price, id FROM ${table}` },
});

describe('temporary credentials', () => {
  it.each([
    ['of a workgroup of Redshift Serverless', 'serverless'],
    ["of the worker's own role", 'own_role'],
  ])('let a run in: %s', async (_case, table) => {
    const { database } = world.fixture;
    const where =
      table === 'serverless'
        ? { cluster: undefined, workgroup: { name: 'local', database } }
        : { cluster: { identifier: 'local', database } };
    const work = world.input({ ...ofTable(table), ...where }, { name: table.replace('_', '-') });
    const { exported, published } = await world.prepared(work);
    expect([exported.rows, published.rows]).toEqual([4, 4]);
    const statements = await world.fixture.statements();
    const users = new Set(statements.filter(({ text }) => text.includes(table)).map(({ user }) => user));
    expect([...users]).toEqual(['IAMR:local']);
  });

  it('are asked for at each step: those of the step before may have expired', async () => {
    const work = world.input(ofTable('renewed'), { name: 'renewed' });
    await runActivity(world.activities.loadWarehouse, work);
    await expire();
    expect(await runActivity(world.activities.checkWarehouse, work)).toMatchObject({ checks: [{ values: [4] }] });
    await expire();
    expect(await runActivity(world.activities.exportQuery, work)).toMatchObject({ rows: 4 });
  });

  it('that expire before the login are asked for once more', async () => {
    const slow = {
      send: async (command: object) => {
        const answer: unknown = await world.redshift.send(command as GetClusterCredentialsCommand);
        if (command instanceof GetClusterCredentialsCommand) await expire();
        return answer;
      },
    } as unknown as RedshiftClient;
    const work = world.input(ofTable('late'), { name: 'late' });
    const failure = await failureOf(runActivity(world.activitiesOver({ redshift: slow }).loadWarehouse, work));
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(failure.message).toMatch(
      /connect failed: IAM Authentication token has expired .*Each try asks for new ones/,
    );
    expect(await runActivity(world.activities.loadWarehouse, work)).toMatchObject({ loads: [{ rows: 4 }] });
  });

  it('of a user, or for a database, that is not there are told as what the definition names', async () => {
    const { database } = world.fixture;
    for (const cluster of [
      { identifier: 'local', database, user: 'nobody' },
      { identifier: 'local', database: 'nowhere', user: 'awsuser' },
    ]) {
      const failure = await failureOf(runActivity(world.activities.loadWarehouse, world.input({ cluster })));
      expect(failure).toMatchObject({ type: 'DefinitionInvalid', nonRetryable: true });
      expect(failure.message).toMatch(/connect failed: .* does not exist .*correct prepare\.redshift/);
    }
  });
});

describe('TLS', () => {
  it('with a certificate of another authority than the one that is named is refused', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'other-authority-'));
    const { caFile: ca } = certificatesOf(dir);
    const failure = await failureOf(runActivity(world.activities.loadWarehouse, world.input({ ca })));
    await rm(dir, { recursive: true });
    expect(failure).toMatchObject({ type: 'AccessDenied', nonRetryable: true });
    expect(failure.message).toMatch(/connect failed: TLS: .*name its authority under prepare\.redshift\.ca/);
  });

  it('that the server does not speak is no reason to go on without', async () => {
    const sent: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => {
        sent.push(bytes);
        socket.write('N');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const failure = await failureOf(runActivity(world.activities.loadWarehouse, world.input({ port })));
    server.close();
    expect(failure).toMatchObject({ type: 'AccessDenied', nonRetryable: true });
    expect(failure.message).toMatch(/TLS: The server does not support SSL connections/);
    // It was asked for TLS, and told nothing else.
    expect(Buffer.concat(sent)).toEqual(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
  });
});
