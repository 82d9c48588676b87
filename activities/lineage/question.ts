import type { S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri } from '../../contracts/names.js';
import { fail } from '../errors.js';
import { readText } from '../s3/objects.js';

/** The file that somebody asks about. */
export interface Question {
  readonly bucket: string;
  readonly key: string;
  readonly versionId?: string;
}

/** Reads what was put into the exchange object: { uri, versionId? }. Its failures don't repeat what stands there. */
export async function readQuestion(s3: S3Client, inputUri: string): Promise<Question> {
  const at = parseS3Uri(inputUri);
  const stored = await readText(s3, at.bucket, at.key);
  if (!stored)
    throw fail('ResourceMissing', `${inputUri}, which names the file that is asked about, is gone: ask again`);
  const { uri, versionId } = parsed(stored.body);
  const match = typeof uri === 'string' ? /^s3:\/\/([^/]+)\/(.+)$/s.exec(uri) : null;
  if (!match || (versionId !== undefined && typeof versionId !== 'string')) {
    throw fail('InvalidRequest', `${inputUri} must hold { "uri": "s3://bucket/key", "versionId"?: "…" }`);
  }
  return {
    bucket: match[1] as string,
    key: match[2] as string,
    ...(typeof versionId === 'string' && { versionId }),
  };
}

function parsed(text: string): { uri?: unknown; versionId?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as { uri?: unknown; versionId?: unknown };
  } catch {
    return {};
  }
}
