import { createPublicKey } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { Signature } from '../../contracts/purge/audit.js';
import type { FormerKey } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';
import type { Audit } from './heads.js';
import { publicKeyOf, signatureFault, type PublicKey } from './signature.js';

/** A key that signed until it was replaced. */
export interface RetiredKey extends PublicKey {
  /** ISO 8601. */
  readonly until: string;
}

/** The keys whose signatures hold: the signing key's whenever they were made, a former one's if made before it was replaced. */
export interface TrustedKeys {
  readonly current: PublicKey;
  readonly former: readonly RetiredKey[];
}

/**
 * The signing key's public half from KMS; those of former keys as they are declared: KMS has none of a key that is disabled or deleted.
 * @throws InvalidRequest for a declared public key that is none
 */
export async function trustedKeys(kms: KMSClient, { signingKey, formerKeys = [] }: Audit): Promise<TrustedKeys> {
  return { current: await publicKeyOf(kms, signingKey), former: formerKeys.map(retired) };
}

function retired({ key, publicKey, until }: FormerKey): RetiredKey {
  try {
    const der = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    return { arn: key, pem: String(der.export({ format: 'pem', type: 'spki' })), until };
  } catch (cause) {
    throw fail(
      'InvalidRequest',
      `The public key of ${key} (storage.audit.formerKeys) is none of curve P-256: copy it anew from a head that the key signed, or from aws kms get-public-key`,
      { cause },
    );
  }
}

type Signed = { readonly signature?: Partial<Signature> | undefined };

/** The former key that a signature names. One that is the signing key too, as an alias may lead back to it, is none. */
export const formerKeyOf = ({ signature }: Signed, { current, former }: TrustedKeys): RetiredKey | undefined =>
  signature?.key === current.arn ? undefined : former.find(({ arn }) => arn === signature?.key);

/**
 * What is wrong with a signature, by whichever key it names; undefined if nothing is.
 * @param times when it was made: by whose word, and the time. A former key's holder can sign any time into a content, so one of them
 *   must be the word of somebody else.
 */
export function trustFault(
  value: Signed,
  trusted: TrustedKeys,
  times: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const former = formerKeyOf(value, trusted);
  const fault = signatureFault(value, former ?? trusted.current);
  if (fault !== undefined || !former) return fault;
  for (const [what, time] of Object.entries(times)) {
    // No time, or none that can be read, is not before anything.
    if (!(Date.parse(time ?? '') <= Date.parse(former.until)))
      return `is signed with the former key ${former.arn}, which was replaced at ${former.until}, but ${what} ${time ?? 'at an unknown time'}`;
  }
  return undefined;
}
