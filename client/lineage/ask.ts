import type { Client } from '@temporalio/client';
import type { LineageAnswer } from '../../contracts/purge/lineage.js';
import { defaultStorage } from '../../contracts/storage/defaults.js';
import { ask } from '../ask.js';
import { withInput } from '../audit/ask.js';
import { findStorage } from '../storage/find.js';
import type { Terminal } from '../terminal.js';

/** Who saw an object, by the word of the worker. Its URI travels as an exchange object, as does the answer. */
export async function lineageOf(
  client: Client,
  terminal: Terminal,
  { uri, versionId }: { readonly uri: string; readonly versionId: string | undefined },
): Promise<LineageAnswer> {
  const [, bucket = ''] = /^s3:\/\/([^/]+)\//.exec(uri) ?? [];
  const storage = (await findStorage(client)) ?? defaultStorage(bucket);
  return withInput(
    terminal,
    storage,
    { uri, ...(versionId !== undefined && { versionId }) },
    async (exchange, interrupt) => {
      const { inputUri, outputUri } = exchange;
      await ask(client, terminal, 'lineage', 'object', { inputUri, outputUri, storage }, interrupt);
      return JSON.parse(await exchange.read()) as LineageAnswer;
    },
  );
}
