import {
  CreateBucketCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetPublicKeyCommand,
} from '@aws-sdk/client-kms';
import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { Connection } from '@temporalio/client';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type LocalStack, type ServiceName, startLocal, type StartOptions } from '../../local/index.js';
import { findPython } from '../../local/tools/python.js';
import { temporalCli } from '../../local/tools/temporal.js';
import { awsClients } from '../support/aws.js';
import { exists, temporaryFolder, until } from '../support/local.js';

const stacks: LocalStack[] = [];
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.stop();
});

/** Ports are the usual ones or free ones: a developer's own local mode may be running. */
async function start(
  stateDir: string,
  services: ServiceName[],
  options: Partial<StartOptions> = {},
): Promise<LocalStack> {
  const anywhere = { temporal: 0, ui: 0, aws: 0, sagemaker: 0, slack: 0, postgres: 0, redshift: 0, warehouse: 0 };
  const stack = await startLocal({ stateDir, services, ports: anywhere, backoffMs: 10, ...options });
  stacks.push(stack);
  return stack;
}

const processOf = (stack: LocalStack, name: ServiceName) => stack.processes().find((process) => process.name === name);

async function query(url: string | undefined, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

describe('all services together', () => {
  it('answer through the standard variables, keep what they hold over a restart, and leave no process', async () => {
    const stateDir = await temporaryFolder();
    const services: ServiceName[] = ['temporal', 'aws', 'postgres', 'slack', 'sagemaker', 'redshift'];
    const first = await start(stateDir, services);
    const { s3, kms } = awsClients(first.env.AWS_ENDPOINT_URL ?? '');
    await s3.send(new CreateBucketCommand({ Bucket: 'kept' }));
    await s3.send(new PutObjectCommand({ Bucket: 'kept', Key: 'a', Body: 'object' }));
    const key = await kms.send(new CreateKeyCommand({}));
    await query(first.env.DATABASE_URL, 'CREATE TABLE kept AS SELECT 42 AS value');
    const connection = await Connection.connect({ address: first.env.TEMPORAL_ADDRESS });
    const { config } = await connection.workflowService.describeNamespace({ namespace: first.env.TEMPORAL_NAMESPACE });
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'default' });
    await connection.close();
    expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 86_400);
    expect(Object.keys(customAttributes ?? {}).sort()).toEqual(['Model', 'Outcome', 'Stage']);
    expect((await fetch(first.urls.ui ?? '')).status).toBe(200);
    expect((await stat(join(stateDir, 'postgres', 'password'))).mode & 0o777).toBe(0o600);

    const pids = first.processes().map(({ pid }) => pid);
    await first.stop();
    expect(await Promise.all(pids.map(exists))).toEqual(services.map(() => false));

    const lines: string[] = [];
    const second = await start(stateDir, services, { ports: {}, onProgress: (line) => lines.push(line) });
    const clients = awsClients(second.env.AWS_ENDPOINT_URL ?? '');
    const object = await clients.s3.send(new GetObjectCommand({ Bucket: 'kept', Key: 'a' }));
    expect(await object.Body?.transformToString()).toBe('object');
    expect(
      (await clients.kms.send(new DescribeKeyCommand({ KeyId: key.KeyMetadata?.KeyId }))).KeyMetadata?.Enabled,
    ).toBe(true);
    expect(await query(second.env.DATABASE_URL, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
    expect(second.env).toEqual(first.env);
    expect(lines).toEqual([]);
  });
});

describe('MiniStack', () => {
  it('has everything that it answered after it was killed', async () => {
    const lines: string[] = [];
    const stack = await start(await temporaryFolder(), ['aws'], { onProgress: (line) => lines.push(line) });
    const { s3, kms, ssm } = awsClients(stack.env.AWS_ENDPOINT_URL ?? '');
    await s3.send(new CreateBucketCommand({ Bucket: 'kept' }));
    await s3.send(new PutBucketVersioningCommand({ Bucket: 'kept', VersioningConfiguration: { Status: 'Enabled' } }));
    const put = await s3.send(new PutObjectCommand({ Bucket: 'kept', Key: 'a', Body: 'first' }));
    await s3.send(new PutObjectCommand({ Bucket: 'kept', Key: 'a', Body: 'second' }));
    const key = await kms.send(new CreateKeyCommand({}));
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/kept', TargetKeyId: key.KeyMetadata?.KeyId }));
    const plain = Buffer.from('secret');
    const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: 'alias/kept', Plaintext: plain }));
    await s3.send(new CreateBucketCommand({ Bucket: 'locked', ObjectLockEnabledForBucket: true }));
    const until2100 = { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: new Date('2100-01-01') } as const;
    await s3.send(new PutObjectCommand({ Bucket: 'locked', Key: 'a/b', Body: 'head', ...until2100 }));
    await ssm.send(new PutParameterCommand({ Name: '/kept', Value: '2026-01-01', Type: 'String' }));

    process.kill(processOf(stack, 'aws')?.pid ?? 0, 'SIGKILL');
    await until('it runs again', () => processOf(stack, 'aws')?.restarts === 1);
    const versions = await s3.send(new ListObjectVersionsCommand({ Bucket: 'kept' }));
    expect(versions.Versions).toHaveLength(2);
    const first = await s3.send(new GetObjectCommand({ Bucket: 'kept', Key: 'a', VersionId: put.VersionId }));
    expect(await first.Body?.transformToString()).toBe('first');
    const { Status } = await s3.send(new GetBucketVersioningCommand({ Bucket: 'kept' }));
    expect(await s3.send(new GetObjectCommand({ Bucket: 'locked', Key: 'a/b' }))).toMatchObject(until2100);
    const { Plaintext } = await kms.send(new DecryptCommand({ CiphertextBlob }));
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/kept' }));
    expect([Status, Buffer.from(Plaintext ?? '').toString(), Parameter?.Value]).toEqual([
      'Enabled',
      'secret',
      '2026-01-01',
    ]);
    expect(lines).toEqual(['MiniStack ended unexpectedly (SIGKILL); starting it again.', 'MiniStack runs again.']);
  });

  it('brings a bucket with Object Lock and one key for the record of purges, the same after every start', async () => {
    const stateDir = await temporaryFolder();
    const found = async ({ env }: LocalStack) => {
      const { s3, kms } = awsClients(env.AWS_ENDPOINT_URL ?? '');
      const lock = await s3.send(new GetObjectLockConfigurationCommand({ Bucket: 'perennial-audit' }));
      const { KeyId, PublicKey, SigningAlgorithms } = await kms.send(
        new GetPublicKeyCommand({ KeyId: 'alias/perennial-audit' }),
      );
      expect([lock.ObjectLockConfiguration?.ObjectLockEnabled, SigningAlgorithms]).toEqual([
        'Enabled',
        ['ECDSA_SHA_256'],
      ]);
      return [KeyId, Buffer.from(PublicKey ?? []).toString('base64')];
    };
    const stack = await start(stateDir, ['aws']);
    const first = await found(stack);
    process.kill(processOf(stack, 'aws')?.pid ?? 0, 'SIGKILL');
    await until('it runs again', () => processOf(stack, 'aws')?.restarts === 1);
    expect(await found(stack)).toEqual(first);
    await stack.stop();
    expect(await found(await start(stateDir, ['aws']))).toEqual(first);
  });
});

describe('PostgreSQL', () => {
  it('is made anew where making it was interrupted', async () => {
    const stateDir = await temporaryFolder();
    await mkdir(join(stateDir, 'postgres', 'data.part', 'data', 'base'), { recursive: true });
    const stack = await start(stateDir, ['postgres']);
    expect(await query(stack.env.DATABASE_URL, 'SELECT current_database() AS name')).toEqual([{ name: 'perennial' }]);
    expect(existsSync(join(stateDir, 'postgres', 'data.part'))).toBe(false);
  });

  it('recovers from a kill, and from the pid file of a process that is another by now', async () => {
    const stateDir = await temporaryFolder();
    const stack = await start(stateDir, ['postgres']);
    await query(stack.env.DATABASE_URL, 'CREATE TABLE kept AS SELECT 42 AS value');
    process.kill(processOf(stack, 'postgres')?.pid ?? 0, 'SIGKILL');
    await until('it runs again', () => processOf(stack, 'postgres')?.restarts === 1);
    await stack.stop();
    await writeFile(join(stateDir, 'postgres', 'data', 'postmaster.pid'), `${process.pid}\n`);
    const again = await start(stateDir, ['postgres']);
    expect(await query(again.env.DATABASE_URL, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
  });

  it.each([
    ['is not whole', 'data/PG_VERSION', undefined, /not a whole PostgreSQL data folder.*perennial ledger rebuild/],
    ['is of another version', 'data/PG_VERSION', '12\n', /made by PostgreSQL 12 and this is 18/],
    ['has lost its password', 'password', undefined, /password of the database in .* is lost/],
    ['has another password', 'password', 'other', /refuses the password kept beside its data folder/],
  ])('says what to do where its folder %s', async (_case, file, contents, message) => {
    const stateDir = await temporaryFolder();
    await (await start(stateDir, ['postgres'])).stop();
    const path = join(stateDir, 'postgres', file);
    if (contents === undefined) await rm(path);
    else await writeFile(path, contents);
    await expect(start(stateDir, ['postgres'])).rejects.toThrow(message);
    expect(existsSync(join(stateDir, 'lock'))).toBe(false);
  });
});

describe('tools', () => {
  it('a missing Python is said in a sentence, with what was looked for and what to do', async () => {
    await expect(findPython({ PATH: await temporaryFolder() })).rejects.toThrow(
      /needs Python 3\.10 or newer \(looked for: python3 not found, .*\)\. Install it .*PERENNIAL_PYTHON/,
    );
  });

  it('a start without Python says so and leaves nothing behind', async () => {
    const stateDir = await temporaryFolder();
    vi.stubEnv('PERENNIAL_PYTHON', join(stateDir, 'no-python'));
    vi.stubEnv('PERENNIAL_TOOLS_DIR', join(stateDir, 'tools'));
    await expect(start(stateDir, ['aws', 'slack'])).rejects.toThrow(
      /needs Python 3\.10 or newer .*no-python not found/,
    );
    vi.unstubAllEnvs();
    expect(existsSync(join(stateDir, 'lock'))).toBe(false);
    expect(JSON.parse(await readFile(join(stateDir, 'local.json'), 'utf8')).children).toEqual({});
  });

  it('a Python that is too old is named with its version', async () => {
    const folder = await temporaryFolder();
    const old = join(folder, 'python3');
    await writeFile(old, `#!/bin/sh\necho '[3, 9, "${old}", true]'\n`, { mode: 0o755 });
    await expect(findPython({ PERENNIAL_PYTHON: old })).rejects.toThrow('python3 is 3.9');
  });

  it('a Temporal CLI that is named or on PATH comes first', async () => {
    const folder = await temporaryFolder();
    const program = join(folder, 'temporal');
    await writeFile(program, '', { mode: 0o755 });
    expect(await temporalCli(undefined, { PATH: folder })).toBe(program);
    expect(await temporalCli(undefined, { PATH: '', PERENNIAL_TEMPORAL_CLI: program })).toBe(program);
    await expect(temporalCli(undefined, { PERENNIAL_TEMPORAL_CLI: join(folder, 'none') })).rejects.toThrow(
      'Correct it or unset it',
    );
  });

  it('are pinned, and every package has its hashes', async () => {
    for (const set of ['ministack', 'temporal', 'temporal-test-server', 'boto3']) {
      const text = await readFile(new URL(`../../local/tools/${set}.txt`, import.meta.url), 'utf8');
      const packages = text.replaceAll('\\\n', ' ').trim().split('\n');
      for (const line of packages) expect(line).toMatch(/^[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}/);
    }
  });
});
