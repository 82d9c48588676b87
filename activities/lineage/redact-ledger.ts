import { heartbeat } from '@temporalio/activity';
import { purgedKey } from '../../contracts/purge/lineage.js';
import { withFailures } from '../errors.js';
import { isObject, type Target } from '../purge/targets.js';
import type { SurveyDeps } from './survey.js';

/** Keys replaced in one statement. */
const CHUNK = 1_000;

/** Replaces the targets' keys in the ledger; answers in how many rows. */
export async function redactLedger(
  { ledger, hashes }: Pick<SurveyDeps, 'ledger' | 'hashes'>,
  targets: AsyncIterable<Target>,
): Promise<number> {
  const replace = (bucket: string, keys: readonly string[]) => {
    heartbeat();
    const replacements = keys.map((key) => ({ key, replacement: purgedKey(hashes.object(bucket, key)) }));
    return inLedger(() => ledger.replaceKeys(bucket, replacements));
  };
  let rows = 0;
  const waiting = new Map<string, string[]>();
  for await (const target of targets) {
    if (isObject(target)) {
      const keys = waiting.get(target.bucket) ?? [];
      waiting.set(target.bucket, keys);
      if (keys.push(target.key) === CHUNK) rows += await replace(target.bucket, keys.splice(0));
      continue;
    }
    const { bucket, prefix } = target;
    for (;;) {
      const keys = await inLedger(() => ledger.keysUnder(bucket, prefix, CHUNK));
      if (keys.length === 0) break;
      rows += await replace(bucket, keys);
    }
  }
  for (const [bucket, keys] of waiting) if (keys.length > 0) rows += await replace(bucket, keys);
  return rows;
}

const inLedger = <T>(work: () => Promise<T>): Promise<T> =>
  withFailures({ resource: 'the ledger', action: 'redact file versions' }, work);
