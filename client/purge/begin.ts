import type { Client } from '@temporalio/client';
import type { PurgeInput } from '../../contracts/purge/index.js';
import type { Context } from '../commands/command.js';
import { uiUrl } from '../connect.js';
import type { Output } from '../output.js';
import { exitOf, followPurge } from './look.js';
import { startPurge } from './start.js';
import { renderEnd } from './view.js';

/** Starts a purge and tells of it; `undo` is called where it could not be started. */
export async function begin(
  client: Client,
  context: Context,
  output: Output,
  input: PurgeInput,
  follow: true | undefined,
  undo: () => Promise<void>,
): Promise<void> {
  const { terminal } = context;
  const { request } = input;
  const started = await startPurge(client, terminal.env, input).catch(async (error: unknown) => {
    await undo();
    throw error;
  });
  const { workflowId, execution } = started;
  const url = uiUrl(client, terminal.env, workflowId, execution);
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
