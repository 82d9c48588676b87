import { PutObjectLegalHoldCommand, PutObjectRetentionCommand, CreateBucketCommand } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failureOf } from './support/local-sagemaker.js';
import { deleteErrors, entriesOf, s3Error, smallPages, type PassingCall } from './support/s3-proxy.js';
import { PurgeWorld, worldsBehindProxies } from './support/purge-world.js';

let world: PurgeWorld;
const open = worldsBehindProxies();
const behind = async (...how: Parameters<typeof open>) => (world = await open(...how));

describe('order', () => {
  it('deletes versions oldest first and markers in a later call, also over pages', async () => {
    const calls: { key: string; versionId: string }[][] = [];
    await behind((call) => {
      if (call.operation === 'list') smallPages(call, 3);
      if (entriesOf(call).length > 0) calls.push(entriesOf(call));
      return undefined;
    });
    const versions: (string | undefined)[] = [];
    for (const body of '12345') versions.push((await world.put('p/k', body)).VersionId);
    const marker = (await world.remove('p/k')).VersionId;
    expect(await world.erase(await world.work([{ prefix: 'p/' }]))).toMatchObject({ versions: 5, markers: 1 });
    expect(calls.map((entries) => entries.map(({ versionId }) => versionId))).toEqual([versions, [marker]]);
  });

  it('leaves the marker of a key whose version can not go, which it would bring back', async () => {
    let locked = '';
    await behind((call) => {
      const entries = call.operation === 'delete' ? entriesOf(call) : [];
      if (!entries.some(({ versionId }) => versionId === locked)) return undefined;
      return deleteErrors('AccessDenied', entries);
    });
    locked = (await world.put('p/k')).VersionId ?? '';
    await world.remove('p/k');
    const leg = await world.erase(await world.work([{ prefix: 'p/' }]));
    expect(leg).toMatchObject({ done: true, versions: 0, markers: 0, blocked: [{ by: 'access denied', entries: 2 }] });
    expect((await world.left()).sort()).toEqual(['p/k marker', 'p/k version']);
  });
});

describe('errors', () => {
  it('tries single entries again that S3 had an internal error with', async () => {
    const sent: number[] = [];
    await behind((call) => {
      if (call.operation !== 'delete') return undefined;
      const entries = entriesOf(call);
      sent.push(entries.length);
      return sent.length === 1 ? deleteErrors('InternalError', entries) : undefined;
    });
    await world.putAll(['p/a', 'p/b']);
    expect(await world.erase(await world.work([{ prefix: 'p/' }]))).toMatchObject({ versions: 2, blocked: [] });
    expect(sent).toEqual([2, 2]);
    expect(await world.left()).toEqual([]);
  });

  it('slows down and goes on where S3 asks for it, longer than the client itself would', async () => {
    let refusals = 0;
    await behind((call) => (call.operation === 'delete' && ++refusals <= 4 ? s3Error(503, 'SlowDown') : undefined));
    await world.putAll(['p/a', 'p/b']);
    expect(await world.erase(await world.work([{ prefix: 'p/' }]))).toMatchObject({ done: true, versions: 2 });
    expect(refusals).toBe(5);
  });

  it('fails with Throttled once patience is at an end, and names no key', async () => {
    await behind((call) => (call.operation === 'delete' ? s3Error(503, 'SlowDown') : undefined), {
      limits: { patience: 1 },
    });
    await world.put('p/secret');
    const failure = await failureOf(world.erase(await world.work([{ prefix: 'p/' }])));
    expect(failure.type).toBe('Throttled');
    expect(JSON.stringify([failure.message, failure.stack, failure.cause])).not.toContain('secret');
  });

  it('ends as blocked where deleting is denied, entry by entry or as a whole', async () => {
    for (const answer of [
      (call: PassingCall) => deleteErrors('AccessDenied', entriesOf(call)),
      () => s3Error(403, 'AccessDenied'),
    ]) {
      await behind((call) => (call.operation === 'delete' ? answer(call) : undefined));
      await world.putAll(['p/a', 'p/b']);
      const work = await world.work([{ prefix: 'p/' }]);
      const leg = await world.erase(work);
      expect(leg).toMatchObject({ done: true, versions: 0, keys: 0, blocked: [{ by: 'access denied', entries: 2 }] });
      expect(leg.blocked[0]?.advice).toMatch(new RegExp(`^bucket ${world.bucket}: .*s3:DeleteObjectVersion`));
      expect(await world.verify(work)).toMatchObject({ remaining: { versions: 2 } });
    }
  });

  it('names bucket and permission, and no key, where listing is denied in words that name one', async () => {
    const words = 'User: x is not authorized to perform: s3:ListBucketVersions on resource: "arn:aws:s3:::b/secret"';
    await behind((call) => (call.operation === 'list' ? s3Error(403, 'AccessDenied', words) : undefined));
    const work = await world.work([{ key: 'secret' }]);
    for (const activity of [() => world.erase(work), () => world.verify(work)]) {
      const failure = await failureOf(activity());
      expect(failure).toMatchObject({ type: 'AccessDenied', nonRetryable: true });
      expect(failure.message).toContain(world.bucket);
      expect(failure.message).toContain('s3:ListBucketVersions');
      expect(
        JSON.stringify([failure.message, failure.stack, failure.cause, (failure.cause as Error).stack]),
      ).not.toContain('secret');
    }
  });

  it('never takes an answer that is no listing for an empty one', async () => {
    await behind((call) =>
      call.operation === 'list' ? { status: 200, body: '<html><body>hello</body></html>' } : undefined,
    );
    await world.put('p/a');
    const work = await world.work([{ prefix: 'p/' }]);
    expect((await failureOf(world.verify(work))).type).toBe('ServiceUnavailable');
    expect((await failureOf(world.erase(work))).type).toBe('ServiceUnavailable');
  });

  it('believes no "Deleted": a server that lies ends as blocked, and nothing counts as erased', async () => {
    await behind((call) =>
      call.operation === 'delete' ? { status: 200, body: '<DeleteResult></DeleteResult>' } : undefined,
    );
    await world.putAll(['p/a', 'p/b']);
    const work = await world.work([{ prefix: 'p/' }]);
    expect(await world.erase(work)).toMatchObject({
      done: true,
      versions: 0,
      keys: 0,
      blocked: [{ by: 'error', entries: 2 }],
    });
    expect(await world.verify(work)).toMatchObject({ remaining: { versions: 2 } });
  });

  it('leaves what was replaced between listing and deletion in a bucket without versions, and reports it', async () => {
    let replaced = false;
    await behind(
      async (call) => {
        if (call.operation === 'delete' && !replaced) {
          replaced = true;
          await world.put('p/a', 'the new one');
        }
        return undefined;
      },
      { versioning: 'unversioned' },
    );
    await world.put('p/a', 'the old one');
    const work = await world.work([{ prefix: 'p/' }], { startedAt: await aSecondLater() });
    expect(await world.erase(work)).toMatchObject({ done: true, versions: 0 });
    expect(await world.verify(work)).toMatchObject({ remaining: { versions: 0 }, later: 1 });
    expect(await world.text(`s3://${world.bucket}/p/a`)).toBe('the new one');
  });
});

describe('Object Lock', () => {
  it('blocks until its date, bypasses GOVERNANCE where asked, and knows a legal hold', async () => {
    world = new PurgeWorld();
    onTestFinished(() => world.close());
    await world.s3.send(new CreateBucketCommand({ Bucket: world.bucket, ObjectLockEnabledForBucket: true }));
    await world.s3.send(new CreateBucketCommand({ Bucket: world.records }));
    await world.putAll(['p/free', 'p/governed', 'p/held', 'p/kept']);
    const until = (hours: number) => new Date(Math.floor(Date.now() / 1_000) * 1_000 + hours * 3_600_000);
    const lock = (Key: string, Mode: 'GOVERNANCE' | 'COMPLIANCE', RetainUntilDate: Date) =>
      world.s3.send(new PutObjectRetentionCommand({ Bucket: world.bucket, Key, Retention: { Mode, RetainUntilDate } }));
    const [soon, late] = [until(1), until(48)];
    await lock('p/governed', 'GOVERNANCE', soon);
    await lock('p/kept', 'COMPLIANCE', late);
    await world.s3.send(
      new PutObjectLegalHoldCommand({ Bucket: world.bucket, Key: 'p/held', LegalHold: { Status: 'ON' } }),
    );
    const work = await world.work([{ prefix: 'p/' }]);
    const leg = await world.erase(work);
    const blocked = [
      { by: 'object lock', entries: 1, until: soon.toISOString() },
      { by: 'legal hold', entries: 1 },
      { by: 'object lock', entries: 1, until: late.toISOString() },
    ];
    expect(leg).toMatchObject({ done: true, versions: 1 });
    expect(leg.blocked).toHaveLength(3);
    expect(leg.blocked).toEqual(expect.arrayContaining(blocked.map((one) => expect.objectContaining(one) as unknown)));
    const seen = await world.verify(work);
    expect(seen).toMatchObject({ remaining: { versions: 3 } });
    expect(seen.blocked).toEqual(expect.arrayContaining(blocked.map((one) => expect.objectContaining(one) as unknown)));
    const bypass = await world.erase(await world.work([{ prefix: 'p/' }], { options: { bypassGovernance: true } }));
    expect(bypass).toMatchObject({ versions: 1 });
    expect((await world.left()).sort()).toEqual(['p/held version', 'p/kept version']);
  });

  it('finds MFA Delete before it starts, and touches nothing', async () => {
    let deletes = 0;
    await behind((call) => {
      if (call.operation === 'delete') deletes += 1;
      return /[?&]versioning/.test(call.url) && call.method === 'GET'
        ? {
            status: 200,
            body: '<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>',
          }
        : undefined;
    });
    await world.putAll(['p/a', 'p/b']);
    const work = await world.work([{ prefix: 'p/' }]);
    const blocked = [{ by: 'mfa delete', entries: 2 }];
    expect(await world.run(world.activities.inspectTargets, work)).toMatchObject({ buckets: [{ mfaDelete: true }] });
    expect(await world.erase(work)).toMatchObject({ done: true, versions: 0, blocked });
    expect(await world.verify(work)).toMatchObject({ remaining: { versions: 2 }, blocked });
    expect(deletes).toBe(0);
  });
});

/** A start of the purge after everything so far, once that second has passed. */
async function aSecondLater(): Promise<Date> {
  const at = new Date(Math.floor(Date.now() / 1_000) * 1_000);
  await expect.poll(() => Date.now(), { interval: 50, timeout: 5_000 }).toBeGreaterThan(at.getTime() + 1_000);
  return at;
}
