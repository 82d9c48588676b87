import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { sign } from '../../../activities/audit/signature.js';
import { headKey, type Certificate, type ChainHead } from '../../../contracts/purge/audit.js';
import type { Tampering } from './database-tampering.js';
import { makeSigningKey, type AuditWorld } from './world.js';

async function headOf(world: AuditWorld, sequence: number): Promise<ChainHead> {
  const { Body } = await world.s3.send(
    new GetObjectCommand({ Bucket: world.storage.audit.bucket, Key: headKey(sequence) }),
  );
  return JSON.parse((await Body?.transformToString()) ?? '') as ChainHead;
}

const put = (world: AuditWorld, key: string, body: string) =>
  world.s3.send(new PutObjectCommand({ Bucket: world.storage.audit.bucket, Key: key, Body: body }));

/** A head for a row, signed with another key of the account. */
async function foreignHead(world: AuditWorld, sequence: number, hash: string): Promise<string> {
  const head = { version: 1, sequence, hash, at: new Date().toISOString() };
  return JSON.stringify({ ...head, signature: await sign(world.kms, await makeSigningKey(world.kms), head) });
}

const OTHER = 'f'.repeat(64);

/** Of the locked bucket: nothing there can be removed, but much can be put over it. */
export const HEAD_TAMPERINGS: readonly Tampering[] = [
  {
    name: 'a head is put over with another hash',
    found: /^head s3:\S+0012.json \(version \S+\) has a signature that does not fit its content/,
    tamper: async (world) => {
      await put(world, headKey(12), JSON.stringify({ ...(await headOf(world, 12)), hash: OTHER }));
    },
  },
  {
    name: 'a head is put over with one that is signed with another key',
    found: /^head s3:\S+0012.json \(version \S+\) is signed with \S+, not with/,
    tamper: async (world) => void (await put(world, headKey(12), await foreignHead(world, 12, OTHER))),
  },
  {
    name: 'a head of another key names the true one',
    found: /^head s3:\S+0012.json \(version \S+\) (carries another public key|has a signature)/,
    tamper: async (world) => {
      const { signature } = await headOf(world, 12);
      const forged = JSON.parse(await foreignHead(world, 12, OTHER)) as ChainHead;
      await put(
        world,
        headKey(12),
        JSON.stringify({ ...forged, signature: { ...forged.signature, key: signature.key } }),
      );
    },
  },
  {
    name: 'a head is put over with the same, unlocked',
    found: /^head s3:\S+0012.json \(version \S+\) was put over the head that is locked there/,
    tamper: async (world) => void (await put(world, headKey(12), JSON.stringify(await headOf(world, 12)))),
  },
  {
    name: 'a head is hidden by a delete marker',
    found: /^head s3:\S+0012.json is hidden by a delete marker/,
    tamper: async ({ s3, storage }) =>
      void (await s3.send(new DeleteObjectCommand({ Bucket: storage.audit.bucket, Key: headKey(12) }))),
  },
  {
    name: 'the head of one row is put in the place of another',
    found: /^head s3:\S+0011.json is of row 12, not of the row in its name/,
    tamper: async (world) => void (await put(world, headKey(11), JSON.stringify(await headOf(world, 12)))),
  },
  {
    name: 'a head is made up for rows to come',
    found: /^head s3:\S+0099.json is signed with/,
    tamper: async (world) => void (await put(world, headKey(99), await foreignHead(world, 99, OTHER))),
  },
  {
    name: 'something else lies among the heads',
    found: /heads\/latest.json is no head of Perennial's/,
    tamper: async (world) => void (await put(world, '_perennial/audit/heads/latest.json', '{}')),
  },
];

/** What somebody does to a certificate before handing it on. */
export interface CertificateTampering {
  readonly name: string;
  readonly found: RegExp;
  readonly edit: (certificate: Certificate, world: AuditWorld) => Promise<Certificate> | Certificate;
}

const UNFIT = /has a signature that does not fit its content/;

/** The first execution, told otherwise. */
function told(change: (execution: Certificate['executions'][number]) => object) {
  return (certificate: Certificate): Certificate => {
    const [first, ...rest] = certificate.executions as [Certificate['executions'][number]];
    return { ...certificate, executions: [{ ...first, ...change(first) }, ...rest] };
  };
}

export const CERTIFICATE_TAMPERINGS: readonly CertificateTampering[] = [
  {
    name: 'certificate: another outcome',
    found: UNFIT,
    edit: told(({ ended }) => ({ ended: { ...ended, outcome: 'Blocked' } })),
  },
  {
    name: 'certificate: another count',
    found: /tells execution \S+ otherwise than the chain/,
    edit: told(({ ended }) => ({ ended: { ...ended, erased: { versions: 50 } } })),
  },
  { name: 'certificate: a target less', found: UNFIT, edit: told(({ targets }) => ({ targets: targets.slice(1) })) },
  {
    name: 'certificate: backups are said to end earlier',
    found: UNFIT,
    edit: told(() => ({ backupsUntil: '2026-01-01T00:00:00.000Z' })),
  },
  {
    name: 'certificate: issued at another time',
    found: UNFIT,
    edit: (certificate) => ({ ...certificate, issuedAt: '2026-01-01T00:00:00.000Z' }),
  },
  {
    name: 'certificate: of another request',
    found: UNFIT,
    edit: (certificate) => ({ ...certificate, request: 'DSR-2' }),
  },
  {
    name: 'certificate: signed with another key, which it carries',
    found: /is signed with \S+, not with/,
    edit: async ({ signature: _signature, ...rest }, world) => {
      const edited = { ...rest, issuedAt: '2026-01-01T00:00:00.000Z' };
      return { ...edited, signature: await sign(world.kms, await makeSigningKey(world.kms), edited) };
    },
  },
  {
    name: 'certificate: without its signature',
    found: /is not signed/,
    edit: ({ signature: _signature, ...rest }) => rest,
  },
  {
    name: 'certificate: of a row that the chain does not have',
    found: /names row 99, which the chain does not have/,
    edit: async ({ signature: _signature, ...rest }, world) => {
      const edited = { ...rest, chain: { sequence: 99, head: OTHER } };
      return { ...edited, signature: await sign(world.kms, world.storage.audit.signingKey, edited) };
    },
  },
];
