import { createHash, verify } from 'node:crypto';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectRetentionCommand,
  ListObjectVersionsCommand,
} from '@aws-sdk/client-s3';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { AuditWorld } from '../../bench/support/audit/world.js';
import { canonicalJson } from '../../contracts/canonical.js';
import { headKey, type ErasedAnswer } from '../../contracts/purge/audit.js';
import { parseS3Uri, s3Uri } from '../../contracts/names.js';
import { tombstonesPrefix } from '../../contracts/purge/index.js';

const make = () => AuditWorld.make({ aws: inject('aws').endpoint, postgres: inject('postgres').url });

let world: AuditWorld;
beforeEach(async () => {
  world = await make();
  return () => world.close();
});

const keysIn = async (bucket: string) => {
  const { Versions = [] } = await world.s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
  return Versions.map(({ Key }) => Key);
};
const rows = async () => (await world.ledger.readChain({ sequence: 0 }, 100)).rows;

describe('recordAudit', () => {
  it('appends an event once, and anchors it in an object that nobody can delete', async () => {
    const { bucket: Bucket } = world.storage.audit;
    const event = world.requested(world.ref('DSR-1'));
    const first = await world.record(event);
    expect(await world.record(event)).toEqual(first);
    expect(first).toEqual({
      sequence: 1,
      head: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      headUri: s3Uri(Bucket, headKey(1)),
    });
    expect(await rows()).toHaveLength(1);
    const { Versions: [version] = [], ...listed } = await world.s3.send(new ListObjectVersionsCommand({ Bucket }));
    expect(listed.DeleteMarkers ?? []).toEqual([]);
    const head = { Bucket, Key: headKey(1), VersionId: version?.VersionId };
    const { Retention } = await world.s3.send(new GetObjectRetentionCommand(head));
    expect(Retention?.Mode).toBe('COMPLIANCE');
    expect(Retention?.RetainUntilDate?.getUTCFullYear()).toBe(new Date().getUTCFullYear() + 7);
    await expect(world.s3.send(new DeleteObjectCommand(head))).rejects.toMatchObject({ name: 'AccessDenied' });
  });

  it('puts the targets of the report before the end, each by its keyed hash', async () => {
    const { request, execution } = await world.purge('DSR-1', ['people/ada.csv', 'people/bob.csv']);
    const all = await rows();
    expect(all.map(({ kind }) => kind)).toEqual(['requested', 'target', 'target', 'ended']);
    expect(JSON.parse(all[1]?.body ?? '')).toEqual({
      ...{ request, execution },
      target: {
        hash: world.hashes.object(world.bucket, 'people/ada.csv'),
        ...{ kind: 'object', bucket: world.bucket, remaining: 0, later: 0, blocked: 0 },
      },
    });
    expect(JSON.stringify(all)).not.toContain('people/');
  });

  it('goes on where it died: after the rows, before the head', async () => {
    const ref = world.ref('DSR-1');
    const { kind, ...body } = world.requested(ref);
    await world.ledger.appendChain([{ kind, body }], (hash) => world.hashes.seal(hash));
    expect((await world.verify()).unanchored).toBe(1);
    await world.record(world.requested(ref));
    expect(await world.verify()).toMatchObject({ rows: 1, heads: 1, unanchored: 0, faults: [] });
    // Where nobody tries again, the head of whatever comes next covers it.
    const next = { ...body, execution: 'another' };
    await world.ledger.appendChain([{ kind, body: next }], (hash) => world.hashes.seal(hash));
    await world.record(world.requested(world.ref('DSR-2')));
    expect(await world.verify()).toMatchObject({ rows: 3, heads: 2, unanchored: 0, faults: [] });
  });

  it('numbers rows without a gap, however many workers append', async () => {
    const refs = Array.from({ length: 12 }, (_, index) => world.ref(`DSR-${index}`));
    const recorded = await Promise.all(refs.map((ref) => world.record(world.requested(ref))));
    expect(recorded.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(refs.map((_, index) => index + 1));
    expect(await world.verify()).toMatchObject({ rows: 12, heads: 12, faults: [] });
  });

  it('keeps a long report as its SHA-256, and refuses one that is another', async () => {
    const ref = world.ref('DSR-1');
    const keys = Array.from({ length: 10_001 }, (_, index) => `key-${index}`);
    const report = await world.report(ref, keys);
    await expect(world.record(world.ended(ref, { ...report, reportHash: 'f'.repeat(64) }))).rejects.toMatchObject({
      type: 'DataInvalid',
      message: expect.stringContaining(`${report.reportUri} is not the report that the purge wrote`) as string,
    });
    await world.record(world.ended(ref, report));
    expect((await rows()).map(({ kind }) => kind)).toEqual(['ended']);
    const bad = world.ref('DSR-2');
    const reportUri = await world.put('_perennial/purges/DSR-2/report', '{"key":"people/ada.csv"}\n');
    const refused = await world.record(world.ended(bad, { reportUri })).catch((error: Error) => error.message);
    expect(refused).toBe(`${reportUri} has a line that is no target: restore the report that the purge wrote`);
  });

  it('records without heads where no audit section is declared, and says so', async () => {
    const { audit: _audit, ...storage } = world.storage;
    const recorded = await world.record(world.requested(world.ref('DSR-1')), { storage });
    expect(recorded).toEqual({ sequence: 1, head: expect.any(String) as string });
    expect(await keysIn(world.storage.audit.bucket)).toEqual([]);
    const verdict = await world.run(world.activities.verifyAudit, { storage });
    expect(verdict).toMatchObject({ rows: 1, heads: 0, faults: [], unanchored: 1 });
    expect(verdict.notes).toEqual([expect.stringContaining('No storage file with an audit section is applied')]);
  });

  it('says what to do about a bucket without Object Lock, and a key that cannot sign', async () => {
    const record = (change: object) =>
      world.record(world.requested(world.ref('DSR-1')), {
        storage: { ...world.storage, audit: { ...world.storage.audit, ...change } },
      });
    const bucket = `${world.bucket}-plain`;
    await world.s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await expect(record({ bucket })).rejects.toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringContaining('--object-lock-enabled-for-bucket') as string,
    });
    const { KeyMetadata } = await world.kms.send(new CreateKeyCommand({}));
    await expect(record({ signingKey: KeyMetadata?.Arn })).rejects.toMatchObject({
      type: 'KeyUnusable',
      message: expect.stringContaining('ECC_NIST_P256') as string,
    });
  });

  it('stops where the bucket anchors another chain', async () => {
    await world.record(world.requested(world.ref('DSR-1')));
    const other = await make();
    try {
      await expect(other.record(other.requested(other.ref('DSR-2')), { storage: world.storage })).rejects.toMatchObject(
        {
          type: 'RecordConflict',
          message: expect.stringContaining('anchors another row 1 than the ledger has') as string,
        },
      );
    } finally {
      await other.close();
    }
  });
});

describe('certify', () => {
  it('signs what the chain says of a request, all its executions, so that anyone can check it', async () => {
    await world.purge('DSR-0');
    const first = world.ref('DSR-1');
    await world.record(world.requested(first));
    const until = '2027-02-01T00:00:00.000Z';
    const blocked = [{ by: 'object lock' as const, entries: 1, until, advice: 'wait' }];
    await world.record(world.ended(first, { outcome: 'Blocked', blocked, ...(await world.report(first, ['a'])) }));
    const second = await world.purge('DSR-1', ['a']);
    const certificate = await world.certificate('DSR-1');
    expect(certificate.executions).toMatchObject([
      { execution: first.execution, ended: { outcome: 'Blocked', blocked }, moreTargets: 0 },
      { execution: second.execution, ended: { outcome: 'Purged' }, targets: [{ kind: 'object', remaining: 0 }] },
    ]);
    const [{ endedAt = '', backupsUntil = '' } = {}] = certificate.executions;
    expect((Date.parse(backupsUntil) - Date.parse(endedAt)) / 86_400_000).toBe(35);
    expect(certificate.chain).toMatchObject({ sequence: 10, headUri: s3Uri(world.storage.audit.bucket, headKey(10)) });
    const { signature, ...rest } = certificate;
    const text = Buffer.from(canonicalJson(rest));
    expect(verify('sha256', text, signature?.publicKey ?? '', Buffer.from(signature?.value ?? '', 'base64'))).toBe(
      true,
    );
    expect(await world.verifyCertificate(certificate)).toMatchObject({ faults: [], notes: [] });
  });

  it('says that a request has gone on since', async () => {
    await world.purge('DSR-1');
    const certificate = await world.certificate('DSR-1');
    await world.purge('DSR-1');
    const { faults, notes } = await world.verifyCertificate(certificate);
    expect({ faults, notes }).toEqual({ faults: [], notes: [expect.stringContaining('ask for a new one') as string] });
  });

  it('certifies nothing of a request that it does not know, nor of a chain with faults', async () => {
    await world.purge('DSR-1');
    await expect(world.certificate('DSR-2')).rejects.toMatchObject({ type: 'ResourceMissing' });
    await world.pool.query(
      `ALTER TABLE audit_chain DISABLE TRIGGER USER; UPDATE audit_chain SET body = body || ' ' WHERE sequence = 1`,
    );
    await expect(world.certificate('DSR-1')).rejects.toMatchObject({
      type: 'DataInvalid',
      message: expect.stringContaining('nothing is certified of request DSR-1') as string,
    });
  });

  it('takes targets from the report where the chain has its hash alone', async () => {
    const ref = world.ref('DSR-1');
    await world.record(world.requested(ref, 10_001));
    const report = await world.report(
      ref,
      Array.from({ length: 10_001 }, (_, index) => `key-${index}`),
    );
    await world.record(world.ended(ref, report));
    const [execution] = (await world.certificate('DSR-1')).executions;
    expect(execution?.targets).toHaveLength(1_000);
    expect(execution?.moreTargets).toBe(9_001);
    const { bucket: Bucket, key: Key } = parseS3Uri(report.reportUri);
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    expect((await world.certificate('DSR-1')).executions).toMatchObject([{ targets: [], moreTargets: 10_001 }]);
  });
});

describe('findErased', () => {
  const ask = async (key: string): Promise<ErasedAnswer> => {
    const inputUri = await world.put('_perennial/exchange/1/input', JSON.stringify({ uri: s3Uri(world.bucket, key) }));
    const outputUri = s3Uri(world.bucket, '_perennial/exchange/1/output');
    await world.run(world.activities.findErased, { storage: world.storage, inputUri, outputUri });
    return JSON.parse(await world.read(outputUri)) as ErasedAnswer;
  };

  it('finds a key that was named, one below a prefix that was, and one that a list has', async () => {
    const named = await world.purge('DSR-1', ['people/ada.csv']);
    const below = world.ref('DSR-2');
    await world.record(world.requested(below));
    const hash = world.hashes.prefix(world.bucket, 'people/');
    const line = `${JSON.stringify({ hash, kind: 'prefix', bucket: world.bucket, remaining: 0, later: 0, blocked: 0 })}\n`;
    const reportUri = await world.put('_perennial/purges/DSR-2/report', line);
    const reportHash = createHash('sha256').update(line).digest('hex');
    await world.record(world.ended(below, { reportUri, reportHash }));
    await world.put(
      `${tombstonesPrefix('DSR-2')}1.txt`,
      `${world.hashes.object(world.bucket, 'people/é.csv')}\n${world.hashes.object(world.bucket, 'people/bob.csv')}\n`,
    );
    const { executions } = await ask('people/ada.csv');
    expect(executions).toMatchObject([
      { request: 'DSR-1', execution: named.execution, outcome: 'Purged', how: ['target'] },
      { request: 'DSR-2', execution: below.execution, how: ['prefix'] },
    ]);
    expect((await ask('people/bob.csv')).executions).toMatchObject([{ request: 'DSR-2', how: ['prefix', 'listed'] }]);
    expect((await ask('other/ada.csv')).executions).toEqual([]);
  });

  it('says of a key that was named no more than that, and leaves out what erased nothing', async () => {
    await world.purge('DSR-1', ['people/ada.csv']);
    const hash = world.hashes.object(world.bucket, 'people/ada.csv');
    await world.put(`${tombstonesPrefix('DSR-1')}1.txt`, `${hash}\n`);
    const again = world.ref('DSR-1');
    await world.record(world.requested(again));
    const none = { versions: 0, markers: 0, uploads: 0, bytes: 0, keys: 0 };
    const copies = { files: 0, bytes: 0, mounts: [], conflicts: {} };
    await world.record(world.ended(again, { erased: none, copies }));
    const { executions } = await ask('people/ada.csv');
    expect(executions).toMatchObject([{ request: 'DSR-1', how: ['target'] }]);
  });

  it('finds a key in a report that the chain has the hash of alone', async () => {
    const ref = world.ref('DSR-1');
    await world.record(world.requested(ref));
    const keys = Array.from({ length: 10_001 }, (_, index) => `key-${index}`);
    await world.record(world.ended(ref, await world.report(ref, keys)));
    expect((await ask('key-10000')).executions).toMatchObject([{ request: 'DSR-1', how: ['target'] }]);
    expect((await ask('key-10001')).executions).toEqual([]);
  });
});
