import type { S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../../contracts/definition/index.js';
import { s3Uri } from '../../contracts/names.js';
import { fail } from '../errors.js';
import { readText } from './objects.js';

/** KMS key of run records; undefined leaves it to the bucket. */
export const recordKey = ({ encryption }: Definition): string | undefined => encryption.data ?? encryption.key;

/** Failure for a record that is there with other content. */
export const recordConflict = (uri: string) =>
  fail(
    'RecordConflict',
    `${uri} exists with other content, and records are never overwritten: give definitions that share data.output different ones, or start a new run`,
  );

/**
 * Reads a JSON record of version 1; undefined where there is none. Fails with DataInvalid on text that is no such record: records
 * are written by Perennial alone, so it was edited or belongs to something else.
 */
export async function readRecord<T extends { readonly version: 1 }>(
  s3: S3Client,
  bucket: string,
  key: string,
): Promise<{ readonly record: T; readonly etag: string } | undefined> {
  const stored = await readText(s3, bucket, key);
  return stored && { record: parseRecord<T>(stored.body, s3Uri(bucket, key)), etag: stored.etag };
}

/** The record in an object's text; DataInvalid that names the object if it is none of version 1. */
export function parseRecord<T extends { readonly version: 1 }>(body: string, uri: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // Without its cause: that quotes the text, in which keys may stand.
    throw fail('DataInvalid', `${uri} is not JSON: restore the record that Perennial wrote, or remove it`);
  }
  if (typeof value !== 'object' || value === null || (value as { version?: unknown }).version !== 1) {
    throw fail('DataInvalid', `${uri} is not a record of version 1: restore what Perennial wrote, or remove it`);
  }
  return value as T;
}
