import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeEndpointCommand, SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { Definition } from '../../../contracts/definition/index.js';
import { awsSettings } from '../../../examples/demo/account.js';
import type { CampaignSetting } from './setting.js';

const INTERVAL_MS = 250;

/** Sends requests to a serving endpoint while it is updated, past the proxies and never again, and says which were lost. */
export async function watchRequests<T>(
  { stack, signal }: CampaignSetting,
  { endpoint }: Definition,
  run: () => Promise<T>,
): Promise<{ value: T; problems: readonly string[] }> {
  const runtime = new SageMakerRuntimeClient({ ...awsSettings(stack.env, 'SAGEMAKER_RUNTIME'), maxAttempts: 1 });
  const over = new AbortController();
  const lost: unknown[] = [];
  let sent = 0;
  const stream = async () => {
    while (!over.signal.aborted) {
      sent += 1;
      const request = new InvokeEndpointCommand({
        EndpointName: endpoint.name,
        ContentType: 'text/csv',
        Body: '1,2,3',
      });
      await runtime.send(request).catch((error: unknown) => lost.push(error));
      await sleep(INTERVAL_MS, undefined, { signal: AbortSignal.any([over.signal, signal]) }).catch(() => undefined);
    }
  };
  const streaming = stream();
  try {
    const value = await run();
    over.abort();
    await streaming;
    const words = [...new Set(lost.map(String))].join(', ');
    return { value, problems: lost.length > 0 ? [`${lost.length} of ${sent} requests lost: ${words}`] : [] };
  } finally {
    over.abort();
    await streaming;
    runtime.destroy();
  }
}
