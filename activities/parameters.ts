import { GetParameterCommand, ParameterNotFound } from '@aws-sdk/client-ssm';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { toFailure } from './errors.js';

/** An SSM parameter as it stands; `type` is String, StringList or SecureString. */
export interface StoredParameter {
  readonly value: string;
  readonly type: string;
}

/** Reads an SSM parameter; undefined where there is none. A SecureString is decrypted only if `decrypt` says so. */
export async function readParameter(
  ssm: SSMClient,
  name: string,
  { decrypt = false } = {},
): Promise<StoredParameter | undefined> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name, WithDecryption: decrypt }));
    return { value: Parameter?.Value ?? '', type: Parameter?.Type ?? 'String' };
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw toFailure(error, {
      resource: `${name} in SSM`,
      action: 'read',
      permission: decrypt ? 'ssm:GetParameter and kms:Decrypt' : 'ssm:GetParameter',
    });
  }
}
