import {
  DescribeClustersCommand,
  GetClusterCredentialsCommand,
  GetClusterCredentialsWithIAMCommand,
} from '@aws-sdk/client-redshift';
import {
  GetCredentialsCommand,
  GetWorkgroupCommand,
  RedshiftServerlessClient,
} from '@aws-sdk/client-redshift-serverless';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Fixture, startFixture } from './fixtures/redshift.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());

const whoAmI = 'SELECT current_user AS me, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS super';

describe('control plane', () => {
  it('answers the SDK of Redshift with credentials for a while, and where the cluster is', async () => {
    const client = fixture.control();
    const { Clusters } = await client.send(new DescribeClustersCommand({ ClusterIdentifier: 'local' }));
    expect(Clusters).toMatchObject([
      {
        ClusterStatus: 'available',
        DBName: fixture.database,
        Endpoint: { Address: '127.0.0.1', Port: fixture.redshift.sqlPort },
      },
    ]);
    const before = Date.now();
    const issued = await fixture.issue({ DurationSeconds: 1_200 });
    expect(issued).toMatchObject({ DbUser: 'IAM:awsuser', DbPassword: expect.stringMatching(/^.{64}$/) });
    expect(Math.abs(Number(issued.Expiration) - before - 1_200_000)).toBeLessThan(10_000);
    const own = await client.send(new GetClusterCredentialsWithIAMCommand({ ClusterIdentifier: 'local' }));
    const session = await fixture.connect(own.DbUser, own.DbPassword);
    expect((await session.query(whoAmI)).rows).toEqual([{ me: own.DbUser, super: false }]);
    client.destroy();
  });

  it.each([
    ['a cluster that is not there', { ClusterIdentifier: 'other' }, 'ClusterNotFoundFault', /Cluster other not found/],
    ['a duration that is too short', { DurationSeconds: 899 }, 'InvalidParameterValue', /between 900 and 3600/],
    ['a duration that is too long', { DurationSeconds: 3_601 }, 'InvalidParameterValue', /between 900 and 3600/],
  ])('refuses %s as AWS does', async (_case, more, name, message) => {
    const input = { ClusterIdentifier: 'local', DbUser: 'awsuser', ...more };
    const client = fixture.control();
    const error = await client.send(new GetClusterCredentialsCommand(input)).catch((caught: Error) => caught);
    expect(error).toMatchObject({ name, message: expect.stringMatching(message) });
    client.destroy();
  });

  it('answers the SDK of Redshift Serverless', async () => {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = new RedshiftServerlessClient({ endpoint: fixture.redshift.url, region: 'us-east-1', credentials });
    const { workgroup } = await client.send(new GetWorkgroupCommand({ workgroupName: 'local' }));
    expect(workgroup).toMatchObject({
      status: 'AVAILABLE',
      endpoint: { address: '127.0.0.1', port: fixture.redshift.sqlPort },
    });
    const issued = await client.send(new GetCredentialsCommand({ workgroupName: 'local', dbName: fixture.database }));
    expect(Number(issued.expiration)).toBeGreaterThan(Date.now() + 800_000);
    const session = await fixture.connect(issued.dbUser, issued.dbPassword);
    expect((await session.query(whoAmI)).rows).toEqual([{ me: issued.dbUser, super: false }]);
    await expect(client.send(new GetCredentialsCommand({ workgroupName: 'other' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(
      client.send(new GetCredentialsCommand({ workgroupName: 'local', durationSeconds: 1 })),
    ).rejects.toMatchObject({ name: 'ValidationException' });
    client.destroy();
  });
});

describe('login', () => {
  it('refuses wrong, missing and expired credentials, those of another database, and users that are not there', async () => {
    const { DbUser, DbPassword } = await fixture.issue();
    const wrong = { severity: 'FATAL', code: '28000', message: `password authentication failed for user "${DbUser}"` };
    await expect(fixture.connect(DbUser, 'wrong')).rejects.toMatchObject(wrong);
    await expect(fixture.connect(DbUser, '')).rejects.toMatchObject(wrong);
    const elsewhere = await fixture.issue({ DbName: 'elsewhere' });
    await expect(fixture.connect(elsewhere.DbUser, elsewhere.DbPassword)).rejects.toMatchObject(wrong);
    const nobody = await fixture.issue({ DbUser: 'nobody_there' });
    await expect(fixture.connect(nobody.DbUser, nobody.DbPassword)).rejects.toMatchObject({
      severity: 'FATAL',
      code: '42704',
      message: 'user "IAM:nobody_there" does not exist',
    });
    await expect(fixture.connect(DbUser, DbPassword, { database: 'perennial' })).rejects.toMatchObject({
      severity: 'FATAL',
      code: '3D000',
    });
    await fetch(`${fixture.redshift.url}/_local/credentials/expire`, { method: 'POST' });
    await expect(fixture.connect(DbUser, DbPassword)).rejects.toMatchObject({
      severity: 'FATAL',
      code: '28000',
      message: 'IAM Authentication token has expired',
    });
  });

  it('never lets anybody in as the administrator of the server behind', async () => {
    const { DbUser, DbPassword } = await fixture.issue({ DbUser: 'perennial' });
    await expect(fixture.connect(DbUser, DbPassword)).rejects.toMatchObject({ code: '42704' });
  });

  it("knows none of the server's other roles, and lets nobody end what they do", async () => {
    const server = inject('postgres').url;
    const role = `ledger_${randomUUID().slice(0, 8)}`;
    const administrator = new pg.Client({ connectionString: server });
    await administrator.connect();
    const ledger = new pg.Client({
      connectionString: Object.assign(new URL(server), { username: role, password: 'its-own' }).href,
    });
    try {
      await administrator.query(`CREATE ROLE ${role} LOGIN PASSWORD 'its-own'`);
      for (const more of [{}, { AutoCreate: true }, { DbUser: 'awsuser', DbGroups: [role] }]) {
        const { DbUser, DbPassword } = await fixture.issue({ DbUser: role, ...more });
        await expect(fixture.connect(DbUser, DbPassword)).rejects.toMatchObject({
          code: expect.stringMatching(/^(42704|42710)$/),
        });
      }
      // Its password is still its own.
      await ledger.connect();
      const { rows } = await ledger.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const { DbUser, DbPassword } = await fixture.issue();
      const master = await fixture.connect(DbUser, DbPassword);
      for (const end of ['pg_cancel_backend', 'pg_terminate_backend'])
        await expect(master.query(`SELECT ${end}($1)`, [rows[0]?.pid])).rejects.toMatchObject({ code: '42501' });
    } finally {
      await ledger.end().catch(() => undefined);
      await administrator.query(`DROP ROLE IF EXISTS ${role}`).finally(() => administrator.end());
    }
  });

  it('wants TLS, with a certificate that only its own authority vouches for', async () => {
    const { DbUser, DbPassword } = await fixture.issue();
    await expect(fixture.connect(DbUser, DbPassword, { ssl: false })).rejects.toMatchObject({
      severity: 'FATAL',
      code: '28000',
      message: expect.stringMatching(/^no pg_hba\.conf entry for host .* SSL off$/),
    });
    await expect(fixture.connect(DbUser, DbPassword, { ssl: {} })).rejects.toThrow(/unable to verify/);
    const byName = await fixture.connect(DbUser, DbPassword, { host: 'localhost' });
    expect((await byName.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('outlives what does not speak the protocol', async () => {
    const socket = connect(fixture.redshift.sqlPort, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    await new Promise((resolve) => socket.on('close', resolve).on('error', resolve));
    expect((await (await fixture.session()).query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('makes a user with AutoCreate, whose rights are its own', async () => {
    const name = `reader_${fixture.database.slice(-8)}`;
    const owner = await fixture.session();
    await owner.query('CREATE TABLE guarded (a int); INSERT INTO guarded VALUES (7)');
    const reader = await fixture.session(name);
    await expect(reader.query('SELECT * FROM guarded')).rejects.toMatchObject({ code: '42501' });
    await owner.query(`GRANT SELECT ON guarded TO ${name}`);
    expect((await reader.query('SELECT * FROM guarded')).rows).toEqual([{ a: 7 }]);
    await expect(reader.query('RESET SESSION AUTHORIZATION; DELETE FROM guarded')).rejects.toMatchObject({
      code: '42501',
    });
    await owner.query(`DROP TABLE guarded; DROP ROLE ${name}`);
  });
});
