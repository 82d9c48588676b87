import { storageJsonSchema, storageSchema, type Storage } from '../../contracts/storage/index.js';
import type { FaultAt } from '../definition/fault.js';
import { distinct, faultsOf } from '../definition/issues.js';
import { faultMessage } from '../definition/messages.js';
import { cronAt } from '../definition/rules.js';
import { viewOf, type Schema } from '../definition/schema.js';

/** A storage file without a fault, with every default filled in. */
export interface CheckedStorage {
  readonly file: string;
  readonly storage: Storage;
}

const view = viewOf(storageJsonSchema() as Schema);

/** Whether a file's content is declared storage, not a model: it has the top-level key `storage`. */
export const isStorageFile = (data: unknown): boolean =>
  typeof data === 'object' && data !== null && Object.hasOwn(data, 'storage');

/** Checks plain data against the schema of a storage file and the rules between its keys. */
export function checkStorageData(data: unknown): { storage: Storage } | { faults: FaultAt[] } {
  const result = storageSchema.safeParse(data, { error: faultMessage });
  const issues = result.success ? [] : faultsOf(result.error.issues, data, view);
  const faults = distinct([...issues, ...cronAt(data, ['storage', 'reconcile', 'cron'])]);
  return result.success && faults.length === 0 ? { storage: result.data.storage } : { faults };
}

/** The fault of a storage file beside another. */
export const secondStorage = (first: string): FaultAt => ({
  path: ['storage'],
  atKey: true,
  message: `is declared in ${first} already: there is one storage for all models`,
  fix: 'bring the two together in one file',
});
