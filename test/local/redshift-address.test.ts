import { DescribeClustersCommand } from '@aws-sdk/client-redshift';
import { GetWorkgroupCommand, RedshiftServerlessClient } from '@aws-sdk/client-redshift-serverless';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificatesOf } from '../../local/redshift/certificate.js';
import { temporaryFolder } from '../support/local.js';
import { type Fixture, startFixture } from './fixtures/redshift.js';

describe('a local Redshift that is reached by another name', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture({ host: '0.0.0.0', address: 'redshift.test' });
  });
  afterAll(() => fixture.stop());

  /** A session over TLS whose certificate has to be for the name. */
  async function answerAs(servername: string): Promise<unknown> {
    const { DbUser, DbPassword } = await fixture.issue();
    const ca = await readFile(fixture.redshift.caFile, 'utf8');
    const client = await fixture.connect(DbUser, DbPassword, { ssl: { ca, servername } });
    return (await client.query('SELECT 1 AS one')).rows;
  }

  it('answers with that name, and has a certificate for it', async () => {
    const control = fixture.control();
    const { Clusters } = await control.send(new DescribeClustersCommand({}));
    expect(Clusters).toMatchObject([{ Endpoint: { Address: 'redshift.test', Port: fixture.redshift.sqlPort } }]);
    control.destroy();
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = new RedshiftServerlessClient({ endpoint: fixture.redshift.url, region: 'us-east-1', credentials });
    const { workgroup } = await client.send(new GetWorkgroupCommand({ workgroupName: 'local' }));
    expect(workgroup?.endpoint).toMatchObject({ address: 'redshift.test' });
    client.destroy();
    for (const name of ['redshift.test', 'localhost']) expect(await answerAs(name)).toEqual([{ one: 1 }]);
    await expect(answerAs('other.test')).rejects.toThrow(/Host: other\.test\. is not in the cert's altnames/);
  });

  it('gets another certificate, of another authority, once its name is another', async () => {
    const before = await readFile(fixture.redshift.caFile, 'utf8');
    await fixture.restart({ address: 'other.test' });
    expect(await answerAs('other.test')).toEqual([{ one: 1 }]);
    expect(await readFile(fixture.redshift.caFile, 'utf8')).not.toBe(before);
  });
});

describe('certificates', () => {
  it('stay as long as they are for the name that is asked for', async () => {
    const dir = await temporaryFolder();
    const { ca } = certificatesOf(dir);
    expect(certificatesOf(dir, 'localhost').ca).toBe(ca);
    for (const address of ['redshift', 'my_redshift.internal', '10.0.0.7']) {
      const made = certificatesOf(dir, address);
      expect(made.ca).not.toBe(ca);
      expect(certificatesOf(dir, address).cert).toBe(made.cert);
      expect(certificatesOf(dir).cert).toBe(made.cert);
    }
  });
});
