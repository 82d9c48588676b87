import { DescribeKeyCommand, NotFoundException } from '@aws-sdk/client-kms';
import type { Context } from './context.js';

/**
 * Looks whether a key can be used, as SageMaker does when it provisions a job or an endpoint.
 * Takes a key id, key ARN, alias or alias ARN, and what it is for (`volume`, `output`).
 * Returns undefined for a usable key, else the FailureReason: the text of KMS, wrapped the way SageMaker wraps
 * another service's answer. Anything but an answer of KMS (network, throttling) is thrown.
 */
export async function checkKey(ctx: Pick<Context, 'kms'>, key: string, purpose: string): Promise<string | undefined> {
  try {
    const { KeyMetadata: metadata } = await ctx.kms.send(new DescribeKeyCommand({ KeyId: key }));
    const arn = metadata?.Arn ?? key;
    switch (metadata?.KeyState) {
      case 'Enabled':
        return undefined;
      case 'Disabled':
        return reason(purpose, `${arn} is disabled.`, 'DisabledException');
      case 'PendingDeletion':
      case 'PendingReplicaDeletion':
        return reason(purpose, `${arn} is pending deletion.`, 'KMSInvalidStateException');
      default:
        return reason(purpose, `${arn} is in state ${String(metadata?.KeyState)}.`, 'KMSInvalidStateException');
    }
  } catch (error) {
    if (!(error instanceof NotFoundException)) throw error;
    return reason(purpose, error.message, 'NotFoundException');
  }
}

function reason(purpose: string, message: string, code: string): string {
  return `ClientError: Failed to use the KMS key for ${purpose} encryption: ${message} (Service: AWSKMS; Status Code: 400; Error Code: ${code})`;
}
