import { TestWorkflowEnvironment } from '@temporalio/testing';
import { timeSkippingServer } from '../../local/tools/temporal.js';
import { ensureSearchAttributes } from '../../worker/search-attributes.js';
import type { BenchContext } from '../scenario.js';

/** Uses a Temporal server that skips the time in which nothing happens. */
export async function withSkippingServer<T>(
  { say }: BenchContext,
  use: (env: TestWorkflowEnvironment) => Promise<T>,
): Promise<T> {
  const path = await timeSkippingServer(say);
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
  try {
    await ensureSearchAttributes(env.nativeConnection, env.namespace ?? 'default');
    return await use(env);
  } finally {
    await env.teardown();
  }
}
