import type { Client } from '@temporalio/client';
import type { LineageAnswer } from '../../contracts/purge/lineage.js';
import { defaultStorage } from '../../contracts/storage/defaults.js';
import { ask } from '../ask.js';
import { withInput } from '../audit/ask.js';
import { findStorage } from '../storage/find.js';

/** Who saw an object, by the word of the worker. Its URI travels as an exchange object, as does the answer. */
export async function lineageOf(
  client: Client,
  env: NodeJS.ProcessEnv,
  { uri, versionId }: { readonly uri: string; readonly versionId: string | undefined },
  warn: (text: string) => void,
): Promise<LineageAnswer> {
  const [, bucket = ''] = /^s3:\/\/([^/]+)\//.exec(uri) ?? [];
  const storage = (await findStorage(client)) ?? defaultStorage(bucket);
  return withInput(storage, { uri, ...(versionId !== undefined && { versionId }) }, warn, async (exchange) => {
    const { inputUri, outputUri } = exchange;
    await ask(client, env, 'lineage', 'object', { inputUri, outputUri, storage });
    return JSON.parse(await exchange.read()) as LineageAnswer;
  });
}
