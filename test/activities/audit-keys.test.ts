import { DisableKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  FORMER_CERTIFICATE_TAMPERINGS,
  FORMER_KEY_TAMPERINGS,
  replaceKey,
} from '../../bench/support/audit/former-key-tampering.js';
import { AuditWorld, makeSigningKey } from '../../bench/support/audit/world.js';

const make = () => AuditWorld.make({ aws: inject('aws').endpoint, postgres: inject('postgres').url });

let world: AuditWorld;
beforeEach(async () => {
  world = await make();
  return () => world.close();
});

describe('heads', () => {
  let one: AuditWorld;
  beforeAll(async () => {
    one = await make();
  });
  afterAll(() => one.close());

  it('of a key that is no longer declared are told', async () => {
    await one.record(one.requested(one.ref('DSR-1')));
    const storage = { ...one.storage, audit: { ...one.storage.audit, signingKey: await makeSigningKey(one.kms) } };
    const { faults } = await one.run(one.activities.verifyAudit, { storage });
    expect(faults).toEqual([expect.stringContaining(`is signed with ${one.storage.audit.signingKey}, not with`)]);
  });
});

describe('a signing key that is replaced', () => {
  beforeEach(async () => {
    await world.purge('DSR-1');
  });

  it('leaves what it signed valid, be it disabled by now, and the next one signs from then on', async () => {
    const certificate = await world.certificate('DSR-1');
    await world.replaceKey();
    const [former] = world.storage.audit.formerKeys ?? [];
    await world.kms.send(new DisableKeyCommand({ KeyId: former?.key }));
    await world.purge('DSR-2');
    expect(await world.verify()).toMatchObject({ rows: 8, heads: 4, unanchored: 0, faults: [], notes: [] });
    expect(await world.verifyCertificate(certificate)).toMatchObject({
      faults: [],
      notes: [expect.stringContaining('is signed with a key that was replaced since') as string],
    });
    const { signature } = await world.certificate('DSR-1');
    expect(signature?.key).toBe(world.storage.audit.signingKey);
    // Another replacement: each of the keys holds up to its own time.
    await world.replaceKey();
    await world.purge('DSR-3');
    expect((await world.verify()).faults).toEqual([]);
  });

  it('signs heads no more: one that is written later is a fault, whatever date is in it', async () => {
    await world.replaceKey();
    const { storage } = world;
    const { formerKeys = [], ...audit } = storage.audit;
    const until = '2026-01-01T00:00:00.000Z';
    world.storage = { ...storage, audit: { ...audit, formerKeys: formerKeys.map((one) => ({ ...one, until })) } };
    const { faults } = await world.verify();
    expect(faults).toEqual(
      [2, 5].map(() =>
        expect.stringMatching(
          /is signed with the former key \S+, which was replaced at 2026-01-01\S+, but was written \d/,
        ),
      ),
    );
  });

  it.each(FORMER_KEY_TAMPERINGS)('is of no use to whoever holds it: $name', async ({ found, tamper }) => {
    for (const request of ['DSR-2', 'DSR-3']) await world.purge(request);
    await tamper(world);
    expect((await world.verify()).faults).toContainEqual(expect.stringMatching(found));
  });

  it('is of no use for certificates', async () => {
    const certificate = await world.certificate('DSR-1');
    await replaceKey(world);
    for (const { name, found, edit } of FORMER_CERTIFICATE_TAMPERINGS) {
      const { faults } = await world.verifyCertificate(await edit(certificate, world));
      expect([name, faults]).toEqual([name, expect.arrayContaining([expect.stringMatching(found)])]);
    }
  });

  it('is refused where its public key is none, with what to do', async () => {
    await world.replaceKey();
    const { storage } = world;
    const formerKeys = storage.audit.formerKeys?.map((one) => ({
      ...one,
      publicKey: `MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE${'A'.repeat(86)}==`,
    }));
    world.storage = { ...storage, audit: { ...storage.audit, formerKeys } };
    await expect(world.verify()).rejects.toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringContaining('storage.audit.formerKeys') as string,
    });
  });
});
