import { SEARCH_ATTRIBUTES } from '../contracts/names.js';
import type { NativeConnection } from '@temporalio/worker';

/** IndexedValueType of the server's API. */
const KEYWORD = 2;

/**
 * Registers the search attributes that runs set, where the server lets us; without them every run would hang on its first task.
 * Throws a sentence that says what to run by hand where it doesn't (Temporal Cloud, restricted clusters).
 */
export async function ensureSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const names = Object.values(SEARCH_ATTRIBUTES);
  const { operatorService } = connection;
  const list = () =>
    operatorService.listSearchAttributes({ namespace }).then(
      ({ customAttributes }) => new Set(Object.keys(customAttributes ?? {})),
      () => undefined,
    );
  const present = await list();
  const missing = names.filter((name) => !present?.has(name));
  if (missing.length === 0) return;
  try {
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    // The list may be forbidden while the attributes are there: only a known gap stops the worker.
    if (!present) return;
    // Another worker that starts at the same time may have added them meanwhile.
    const now = await list();
    if (missing.every((name) => now?.has(name))) return;
    const flags = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
    throw new Error(
      `Namespace "${namespace}" lacks the search attributes ${missing.join(', ')} and this worker may not add them. ` +
        `Run: temporal operator search-attribute create --namespace ${namespace} ${flags}`,
      { cause: error },
    );
  }
}
