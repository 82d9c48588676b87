import { createHash, createPublicKey, verify } from 'node:crypto';
import { GetPublicKeyCommand, SignCommand, type KMSClient } from '@aws-sdk/client-kms';
import { canonicalJson } from '../../contracts/canonical.js';
import type { Signature } from '../../contracts/purge/audit.js';
import { fail, toFailure } from '../errors.js';

const ALGORITHM = 'ECDSA_SHA_256';
/** KMS's word where a key is of another kind or use. */
const WRONG_KEY = /^(InvalidKeyUsageException|UnsupportedOperationException|ValidationException)$/;

/** The public half of a signing key. */
export interface PublicKey {
  readonly arn: string;
  readonly pem: string;
}

/** Signs the canonical JSON of a value with a KMS key (id, alias or ARN). */
export async function sign(kms: KMSClient, key: string, value: object): Promise<Signature> {
  const { arn, pem } = await publicKeyOf(kms, key);
  const answer = await called(key, 'sign', () =>
    kms.send(
      new SignCommand({
        KeyId: arn,
        // KMS takes at most 4,096 bytes of a message itself.
        Message: createHash('sha256').update(canonicalJson(value)).digest(),
        MessageType: 'DIGEST',
        SigningAlgorithm: ALGORITHM,
      }),
    ),
  );
  return { key: arn, algorithm: ALGORITHM, value: toBase64(answer.Signature), publicKey: pem };
}

/** The public key of a KMS key, as PEM, with the key's ARN. */
export async function publicKeyOf(kms: KMSClient, key: string): Promise<PublicKey> {
  const answer = await called(key, 'read the public key of', () => kms.send(new GetPublicKeyCommand({ KeyId: key })));
  if (!answer.SigningAlgorithms?.includes(ALGORITHM)) throw wrongKey(key, `it signs by ${answer.SigningAlgorithms}`);
  const der = Buffer.from(answer.PublicKey ?? []);
  const pem = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({ format: 'pem', type: 'spki' });
  return { arn: answer.KeyId ?? key, pem: String(pem) };
}

/** What is wrong with a signature over the other members of a value; undefined if nothing is. */
export function signatureFault(
  { signature, ...rest }: { readonly signature?: Partial<Signature> },
  trusted: PublicKey,
): string | undefined {
  if (!signature?.value) return 'is not signed';
  if (signature.key !== trusted.arn) return `is signed with ${signature.key}, not with ${trusted.arn}`;
  if (signature.algorithm !== ALGORITHM) return `is signed by ${signature.algorithm}, not by ${ALGORITHM}`;
  if (signature.publicKey !== trusted.pem) return `carries another public key than that of ${trusted.arn}`;
  const good = verify('sha256', Buffer.from(canonicalJson(rest)), trusted.pem, Buffer.from(signature.value, 'base64'));
  return good ? undefined : 'has a signature that does not fit its content: it was changed';
}

const toBase64 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('base64');

async function called<T>(key: string, action: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { name, message } = error as Error;
    if (WRONG_KEY.test(name)) throw wrongKey(key, message, error);
    throw toFailure(error, {
      resource: `KMS key ${key} (storage.audit.signingKey)`,
      action,
      permission: 'kms:Sign and kms:GetPublicKey',
    });
  }
}

const wrongKey = (key: string, why: string, cause?: unknown) =>
  fail(
    'KeyUnusable',
    `KMS key ${key} (storage.audit.signingKey) can't sign: ${why}. Name a key of spec ECC_NIST_P256 and usage SIGN_VERIFY (aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY)`,
    { cause },
  );
