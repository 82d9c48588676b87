import { setTimeout as sleep } from 'node:timers/promises';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { sign } from '../../../activities/audit/signature.js';
import { headKey, type Certificate } from '../../../contracts/purge/audit.js';
import { rewritten, type Tampering } from './database-tampering.js';
import type { CertificateTampering } from './other-tampering.js';
import { makeSigningKey, type AuditWorld } from './world.js';

/** Before everything that a world has been through. */
const LONG_AGO = '2020-01-01T00:00:00.000Z';
const OTHER = 'f'.repeat(64);

/** Another signing key, one purge with it, and time enough that what S3 dates by the second is later than the change. */
export async function replaceKey(world: AuditWorld): Promise<void> {
  await world.replaceKey();
  await sleep(1_100);
  await world.purge('DSR-4');
}

const formerArn = ({ storage }: AuditWorld) => storage.audit.formerKeys?.[0]?.key ?? '';

/** By whoever holds the former key, dated back to when it was in use. */
async function putHead(world: AuditWorld, sequence: number, hash: string, key = formerArn(world)): Promise<void> {
  const head = { version: 1, sequence, hash, at: LONG_AGO };
  const signature = { ...(await sign(world.kms, key, head)), key: formerArn(world) };
  const Body = JSON.stringify({ ...head, signature });
  await world.s3.send(new PutObjectCommand({ Bucket: world.storage.audit.bucket, Key: headKey(sequence), Body }));
}

const replaced = (tamper: Tampering['tamper']) => async (world: AuditWorld) => {
  await replaceKey(world);
  await tamper(world);
};

const LATE = 'is signed with the former key \\S+, which was replaced at \\S+, but was written';

/** What the holder of a key that was replaced after row 12 does: four rows of a purge came since. */
export const FORMER_KEY_TAMPERINGS: readonly Tampering[] = [
  {
    name: 'a head is made up for rows to come, by the holder of a former key',
    found: new RegExp(`^head s3:\\S+0099.json ${LATE}`),
    tamper: replaced((world) => putHead(world, 99, OTHER)),
  },
  {
    name: 'a head of the former key is put over by its holder',
    found: new RegExp(`^head s3:\\S+0012.json \\(version \\S+\\) ${LATE}`),
    tamper: replaced((world) => putHead(world, 12, OTHER)),
  },
  {
    name: 'a head of the new key is put over by the holder of the former one',
    found: new RegExp(`^head s3:\\S+0016.json \\(version \\S+\\) ${LATE}`),
    tamper: replaced((world) => putHead(world, 16, OTHER)),
  },
  {
    name: 'the chain is rewritten with seals, and heads of a former key are put over all',
    found: /^row 4 is not the one that head s3:\S+0004.json anchors/,
    tamper: replaced(async (world) => {
      await rewritten(2, { sealed: true })(world);
      const { rows } = await world.ledger.readChain({ sequence: 0 }, 100);
      for (const { sequence, hash } of rows) await putHead(world, sequence, hash);
    }),
  },
  {
    name: 'a head of another key names a former one',
    found: /^head s3:\S+0099.json (carries another public key|has a signature)/,
    tamper: replaced(async (world) => putHead(world, 99, OTHER, await makeSigningKey(world.kms))),
  },
];

/** Signed with the former key, after it was replaced. */
function forged(change: (certificate: Certificate, world: AuditWorld) => Promise<object> | object) {
  return async (certificate: Certificate, world: AuditWorld): Promise<Certificate> => {
    const { signature: _signature, ...rest } = certificate;
    const edited = { ...rest, ...(await change(certificate, world)) };
    return { ...edited, signature: await sign(world.kms, formerArn(world), edited) };
  };
}

const execution = (change: object) => forged(({ executions: [first] }) => ({ executions: [{ ...first, ...change }] }));
const UNTOLD = /is signed with a former key and says what the chain does not say/;

/** To a certificate that the former key signed while it was in use. */
export const FORMER_CERTIFICATE_TAMPERINGS: readonly CertificateTampering[] = [
  {
    name: 'certificate of a former key: issued after it was replaced',
    found: /is signed with the former key \S+, which was replaced at \S+, but says it was issued/,
    edit: forged(() => ({ issuedAt: new Date().toISOString() })),
  },
  {
    name: 'certificate of a former key: of a later purge, dated back',
    found: /is signed with the former key \S+, which was replaced at \S+, but the row it names was anchored/,
    edit: forged(async ({ issuedAt }, world) => ({
      ...(await world.certificate('DSR-4')),
      signature: undefined,
      issuedAt,
    })),
  },
  {
    name: 'certificate of a former key: a target less, dated back',
    found: UNTOLD,
    edit: forged(({ executions: [first] }) => ({ executions: [{ ...first, targets: first?.targets.slice(1) }] })),
  },
  {
    name: 'certificate of a former key: backups are said to end earlier, dated back',
    found: UNTOLD,
    edit: execution({ backupsUntil: LONG_AGO }),
  },
  {
    name: 'certificate of a former key: names a head that is none',
    found: UNTOLD,
    edit: forged(({ chain }) => ({ chain: { ...chain, headUri: 's3://elsewhere/head.json' } })),
  },
];
