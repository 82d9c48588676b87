import { createHmac, randomBytes } from 'node:crypto';
import { ParameterAlreadyExists, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { HMAC_PARAMETER } from '../contracts/names.js';
import { fail, toFailure } from './errors.js';
import { readParameter } from './parameters.js';

/** Bytes of the key: SHA-256's own block of output, RFC 2104. */
const KEY_BYTES = 32;

/**
 * Hashes that only the holder of the key can make, HMAC-SHA-256 in base64url (43 characters): what stands for a key of S3, or a value of a
 * row, where neither may stand. The same in every worker and for ever: with another key nothing that was erased would be known again.
 */
export interface KeyedHashes {
  object(bucket: string, key: string): string;
  prefix(bucket: string, prefix: string): string;
  value(value: string): string;
  /** Of a list of targets, by its SHA-256: a list may name so little that a plain hash could be guessed. */
  list(hash: string): string;
  /** Of a row of the audit chain, by the row's own hash: who owns the database alone can't make one. */
  seal(hash: string): string;
}

/** Opens the key in SSM once, and makes it where there is none: the first worker's holds. */
export function keyedHashes(ssm: SSMClient, parameter: string = HMAC_PARAMETER): () => Promise<KeyedHashes> {
  let opening: Promise<KeyedHashes> | undefined;
  return () => {
    opening ??= open(ssm, parameter).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
}

/** Hashes with a key at hand. */
export function hashesWith(key: Buffer): KeyedHashes {
  const hash = (...parts: string[]) => createHmac('sha256', key).update(parts.join('\0')).digest('base64url');
  return {
    object: (bucket, name) => hash('object', bucket, name),
    prefix: (bucket, prefix) => hash('prefix', bucket, prefix),
    value: (value) => hash('value', value),
    list: (list) => hash('list', list),
    seal: (row) => hash('seal', row),
  };
}

async function open(ssm: SSMClient, parameter: string): Promise<KeyedHashes> {
  const stored = (await readParameter(ssm, parameter, { decrypt: true })) ?? (await make(ssm, parameter));
  const key = Buffer.from(stored.value, 'base64');
  if (stored.type !== 'SecureString' || key.length !== KEY_BYTES) {
    throw fail(
      'DataInvalid',
      `SSM parameter ${parameter} must be a SecureString with ${KEY_BYTES} bytes in base64, the key of the keyed hashes: restore it. With another key no purged key would be known again`,
    );
  }
  return hashesWith(key);
}

async function make(ssm: SSMClient, parameter: string) {
  try {
    await ssm.send(
      new PutParameterCommand({
        Name: parameter,
        Type: 'SecureString',
        Value: randomBytes(KEY_BYTES).toString('base64'),
        Description: 'Key of the keyed hashes that stand for purged keys. Never change or delete it',
        Overwrite: false,
      }),
    );
  } catch (error) {
    // Another worker was first.
    if (!(error instanceof ParameterAlreadyExists)) {
      throw toFailure(error, {
        resource: `${parameter} in SSM`,
        action: 'make the key of the keyed hashes',
        permission: 'ssm:PutParameter and kms:Encrypt',
      });
    }
  }
  const stored = await readParameter(ssm, parameter, { decrypt: true });
  if (!stored) throw fail('ServiceUnavailable', `${parameter} in SSM can't be read although it was made; trying again`);
  return stored;
}
