import type { Client } from '@temporalio/client';
import { defaultStorage } from '../../contracts/storage/defaults.js';
import type { Storage } from '../../contracts/storage/index.js';
import { usageError } from '../errors.js';
import { findStorage } from '../storage/find.js';

/**
 * The declared storage; where none is, one whose answers travel through `bucket`, else through the bucket that `otherwise` finds, and which
 * has no heads and no signing key.
 */
export async function storageFor(
  client: Client,
  bucket: string | undefined,
  otherwise: () => Promise<string | undefined> = async () => undefined,
): Promise<Storage> {
  const declared = await findStorage(client);
  if (declared) return declared;
  const through = bucket ?? (await otherwise());
  if (through !== undefined) return defaultStorage(through);
  throw usageError(
    'no storage is declared, which says where the answer may be kept on its way: `perennial apply` a storage file, or name a bucket with --bucket',
  );
}

export const BUCKET_HELP =
  'where no storage is declared: bucket that the answer travels through, encrypted, and is deleted from';
