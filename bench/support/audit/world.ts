import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { CreateKeyCommand, GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import pg from 'pg';
import { createAuditActivities } from '../../../activities/index.js';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { parseS3Uri, s3Uri } from '../../../contracts/names.js';
import type { AuditEvent, AuditVerdict, Certificate } from '../../../contracts/purge/audit.js';
import { purgePrefix, type PurgeRef, type TargetReport } from '../../../contracts/purge/index.js';
import { storageSchema, type Storage } from '../../../contracts/storage/index.js';
import { migrate } from '../../../ledger/migrate.js';
import { createLedger } from '../../../ledger/store.js';

const QUIET = new DefaultLogger('ERROR');
const NONE = { versions: 0, markers: 0, uploads: 0, bytes: 0 };

type Ended = Extract<AuditEvent, { kind: 'ended' }>;

/** Address of MiniStack, and of a PostgreSQL server (not a database). */
export interface Servers {
  readonly aws: string;
  readonly postgres: string;
}

/** A ledger, a locked bucket and a signing key of its own, with the activities of the audit over them. */
export class AuditWorld {
  readonly hashes = hashesWith(Buffer.alloc(32, 7));
  readonly activities;
  readonly ledger;

  private constructor(
    readonly s3: S3Client,
    readonly kms: KMSClient,
    /** As the superuser that owns the table. */
    readonly pool: pg.Pool,
    readonly bucket: string,
    /** As declared; another key changes it. */
    public storage: Storage & { audit: NonNullable<Storage['audit']> },
    private readonly drop: () => Promise<void>,
  ) {
    this.ledger = createLedger(pool);
    this.activities = createAuditActivities({
      ...{ s3, kms },
      ledger: async () => this.ledger,
      hashes: async () => this.hashes,
    });
  }

  static async make({ aws: endpoint, postgres }: Servers): Promise<AuditWorld> {
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const s3 = new S3Client({ endpoint, region: 'us-east-1', credentials });
    const kms = new KMSClient({ endpoint, region: 'us-east-1', credentials });
    const name = `audit_${randomUUID().replaceAll('-', '')}`;
    await administer(postgres, `CREATE DATABASE ${name}`);
    const url = Object.assign(new URL(postgres), { pathname: `/${name}` });
    const pool = new pg.Pool({ connectionString: url.href, max: 4 });
    const open = new Set<pg.PoolClient>();
    pool.on('connect', (client) => open.add(client)).on('remove', (client) => open.delete(client));
    await migrate(pool);
    const bucket = `records-${randomUUID()}`;
    const locked = `audit-${randomUUID()}`;
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await s3.send(new CreateBucketCommand({ Bucket: locked, ObjectLockEnabledForBucket: true }));
    const { storage } = storageSchema.parse({
      storage: { records: { bucket }, audit: { bucket: locked, signingKey: await makeSigningKey(kms) } },
    });
    const { audit } = storage;
    if (!audit) throw new Error('The storage of an audit has an audit section');
    return new AuditWorld(s3, kms, pool, bucket, { ...storage, audit }, async () => {
      for (const client of [s3, kms]) client.destroy();
      await pool.end();
      // The pool's end is not that of its connections: one that the drop cuts off is an error that nobody catches.
      while (open.size > 0) await once(pool, 'remove');
      await administer(postgres, `DROP DATABASE ${name} WITH (FORCE)`);
    });
  }

  close(): Promise<void> {
    return this.drop();
  }

  run<A, R>(activity: (input: A) => Promise<R>, input: A): Promise<R> {
    return new MockActivityEnvironment({}, { logger: QUIET }).run(activity, input);
  }

  ref(request: string): PurgeRef {
    return { request, execution: randomUUID(), startedAt: new Date().toISOString() };
  }

  requested(ref: PurgeRef, objects = 2): Extract<AuditEvent, { kind: 'requested' }> {
    const { request, execution } = ref;
    const targets = { objects, prefixes: 0, values: 0, hash: 'e'.repeat(64) };
    return { kind: 'requested', request, execution, by: 'ada', reason: 'erasure request', targets };
  }

  ended(ref: PurgeRef, more: Partial<Ended> = {}): Ended {
    const { request, execution } = ref;
    return {
      ...{ kind: 'ended', request, execution, outcome: 'Purged', reason: '2 objects, all versions' },
      ...{ erased: { versions: 5, markers: 1, uploads: 0, bytes: 500, keys: 2 }, remaining: NONE, later: 0 },
      copies: { files: 2, bytes: 200, mounts: [{ path: '/mnt/data', backups: 'P35D', files: 2 }], conflicts: {} },
      ...{ blocked: [], retrained: [] },
      ...more,
    };
  }

  /** Writes a report of these keys, as the verify step does. */
  async report(ref: PurgeRef, keys: readonly string[]): Promise<{ reportUri: string; reportHash: string }> {
    const lines = keys.map((key): TargetReport => ({
      ...{ hash: this.hashes.object(this.bucket, key), kind: 'object', bucket: this.bucket },
      ...{ remaining: 0, later: 0, blocked: 0 },
    }));
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const reportUri = await this.put(`${purgePrefix(ref)}report.jsonl`, body);
    return { reportUri, reportHash: createHash('sha256').update(body).digest('hex') };
  }

  record(event: AuditEvent, { storage = this.storage }: { storage?: Storage } = {}) {
    const { request, execution } = event;
    const ref = { request, execution, startedAt: '2026-01-01T00:00:00.000Z' };
    return this.run(this.activities.recordAudit, { ref, storage, event });
  }

  /** A whole purge of these keys: 2 rows and one a key. */
  async purge(request: string, keys: readonly string[] = ['a', 'b']): Promise<PurgeRef> {
    const ref = this.ref(request);
    await this.record(this.requested(ref, keys.length));
    await this.record(this.ended(ref, await this.report(ref, keys)));
    return ref;
  }

  verify(): Promise<AuditVerdict> {
    return this.run(this.activities.verifyAudit, { storage: this.storage });
  }

  async certificate(request: string): Promise<Certificate> {
    const outputUri = s3Uri(this.bucket, `_perennial/exchange/${randomUUID()}/output`);
    await this.run(this.activities.certify, { request, storage: this.storage, outputUri });
    return JSON.parse(await this.read(outputUri)) as Certificate;
  }

  async verifyCertificate(certificate: Certificate): Promise<AuditVerdict> {
    const inputUri = await this.put(`_perennial/exchange/${randomUUID()}/input`, JSON.stringify(certificate));
    return this.run(this.activities.verifyCertificate, { storage: this.storage, inputUri });
  }

  /** Declares another signing key, and the present one as replaced now. */
  async replaceKey(): Promise<void> {
    const { audit } = this.storage;
    const { PublicKey } = await this.kms.send(new GetPublicKeyCommand({ KeyId: audit.signingKey }));
    const former = {
      key: audit.signingKey,
      publicKey: Buffer.from(PublicKey ?? []).toString('base64'),
      until: new Date().toISOString(),
    };
    const signingKey = await makeSigningKey(this.kms);
    const { storage } = storageSchema.parse({
      storage: { ...this.storage, audit: { ...audit, signingKey, formerKeys: [...(audit.formerKeys ?? []), former] } },
    });
    if (storage.audit) this.storage = { ...storage, audit: storage.audit };
  }

  async put(key: string, body: string): Promise<string> {
    await this.s3.send(new PutObjectCommand({ Bucket: this.bucket, Key: key, Body: body }));
    return s3Uri(this.bucket, key);
  }

  async read(uri: string): Promise<string> {
    const { bucket: Bucket, key: Key } = parseS3Uri(uri);
    const { Body } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
    return (await Body?.transformToString()) ?? '';
  }
}

async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

/** ARN of a new key that signs. */
export async function makeSigningKey(kms: KMSClient): Promise<string> {
  const { KeyMetadata } = await kms.send(
    new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', Description: 'signs heads' }),
  );
  return KeyMetadata?.Arn ?? '';
}
