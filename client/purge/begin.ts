import type { Client } from '@temporalio/client';
import type { PurgeInput } from '../../contracts/purge/index.js';
import type { Context } from '../commands/command.js';
import { uiUrl } from '../connect.js';
import type { Output } from '../output.js';
import { exitOf, followPurge } from './look.js';
import { startPurge } from './start.js';
import { renderEnd } from './view.js';

/** A purge that was started. */
export interface Started {
  readonly request: string;
  readonly workflowId: string;
  readonly execution: string;
  readonly url: string | undefined;
}

/** Starts a purge; `undo` is called where it could not be started. From then on its list is its own. */
export async function start(
  client: Client,
  { terminal: { env } }: Context,
  input: PurgeInput,
  undo: () => Promise<void>,
): Promise<Started> {
  const { workflowId, execution } = await startPurge(client, env, input).catch(async (error: unknown) => {
    await undo();
    throw error;
  });
  return { request: input.request, workflowId, execution, url: uiUrl(client, env, workflowId, execution) };
}

/** Tells of a purge that was started; with `follow`, until it ends. */
export async function tellOf(
  client: Client,
  context: Context,
  output: Output,
  { request, workflowId, execution, url }: Started,
  follow: true | undefined,
): Promise<void> {
  const more = `\`perennial purge status ${request}\` shows how it goes, \`perennial purge cancel ${request}\` stops it`;
  if (!follow) {
    output.result({ request, execution, url }, () => `started ${workflowId}\n${more}`);
    return;
  }
  output.note(`started ${workflowId}`);
  await tell(client, context, output, request, { execution, url });
}

/** Follows a purge to its end, and tells of that. */
async function tell(
  client: Client,
  context: Context,
  output: Output,
  request: string,
  about: { execution: string; url: string | undefined },
): Promise<void> {
  const end = await followPurge(client, context.terminal, output, request);
  if (!end) {
    output.result(
      { request, ...about, followed: 'interrupted' },
      () => `no longer following; the purge goes on. \`perennial purge status ${request}\` shows how`,
    );
    return;
  }
  output.result({ request, ...about, ...end }, () =>
    renderEnd(output, request, end, about.url, new Date().toISOString()),
  );
  context.exitCode = exitOf(end.outcome);
}
