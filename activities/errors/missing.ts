import { isFailure } from './fail.js';

/** What a call answers; undefined where what it asks for isn't there (ResourceMissing). */
export async function missingAsUndefined<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}
