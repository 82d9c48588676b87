import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri } from '../../contracts/names.js';
import type { AuditActivities, AuditVerdict, Certificate } from '../../contracts/purge/audit.js';
import type { Ledger } from '../../ledger/store.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { writeJson } from '../s3/answer.js';
import { readText } from '../s3/objects.js';
import { parseRecord } from '../s3/records.js';
import { certificateFaults, makeCertificate } from './certificate.js';
import { findErased } from './erased.js';
import { record } from './record.js';
import { verifyChain, type Verifying } from './verify.js';

export interface AuditClients {
  readonly s3: S3Client;
  readonly kms: KMSClient;
  /** Opens the ledger at its first use and answers the same one from then on. */
  readonly ledger: () => Promise<Ledger>;
  readonly hashes: () => Promise<KeyedHashes>;
}

/** The record of purges that nobody can rewrite unseen: a hash chain in the ledger, its heads in a locked bucket, certificates. */
export function createAuditActivities({ s3, kms, ledger, hashes }: AuditClients): AuditActivities {
  const opened = async (): Promise<Verifying> => {
    const [chain, keyed] = await Promise.all([ledger(), hashes()]);
    return { s3, kms, ledger: chain, seal: (hash) => keyed.seal(hash) };
  };

  return {
    async recordAudit(input) {
      return record(await opened(), input);
    },

    async verifyAudit({ storage }) {
      return verifyChain(await opened(), storage);
    },

    async certify({ request, storage, outputUri }) {
      const certificate = await makeCertificate(await opened(), { request, storage });
      return writeJson(s3, { outputUri, kmsKey: storage.records.key }, certificate);
    },

    async verifyCertificate({ storage, inputUri }): Promise<AuditVerdict> {
      const { bucket, key } = parseS3Uri(inputUri);
      const stored = await readText(s3, bucket, key);
      if (!stored) throw fail('ResourceMissing', `${inputUri} is gone: hand in the certificate once more`);
      const certificate = parseRecord<Certificate>(stored.body, inputUri);
      const { faults, notes } = await certificateFaults(await opened(), storage, certificate);
      return { rows: 0, heads: 0, faults, unanchored: 0, notes };
    },

    async findErased({ storage, inputUri, outputUri }) {
      const [chain, keyed] = await Promise.all([ledger(), hashes()]);
      const answer = await findErased({ s3, ledger: chain, hashes: keyed }, inputUri);
      return writeJson(s3, { outputUri, kmsKey: storage.records.key }, answer);
    },
  };
}
