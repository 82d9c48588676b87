import type { Client } from '@temporalio/client';
import { entityId } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { RunReceipt, RunRequest } from '../../contracts/runs.js';
import type { Context } from '../commands/command.js';
import { uiUrl } from '../connect.js';
import { EXIT } from '../errors.js';
import type { Output } from '../output.js';
import { describeRun } from './describe.js';
import { exitOf, followRun } from './follow.js';

/** The longest that a worker may take to answer an update. */
const ANSWER_MS = 60_000;

/** A receipt in one line. */
export function renderReceipt({ run, state, position }: RunReceipt): string {
  if (state === 'started') return `started ${run}`;
  if (state === 'merged') return `${run} waits already, ${position} before it: it serves this request too`;
  return `queued ${run}, ${position} before it`;
}

/** Asks a model's entity for a run; answers once the run is there, or queued. */
export async function requestRun(client: Client, model: string, wish: RunRequest): Promise<RunReceipt> {
  const handle = client.workflow.getHandle(entityId(model));
  return client.withDeadline(Date.now() + ANSWER_MS, () =>
    handle.executeUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun, { args: [wish] }),
  );
}

/** Shows a requested run until it ends, prints how, and sets the exit code that this stands for. */
export async function followReceipt(
  client: Client,
  context: Context,
  output: Output,
  receipt: RunReceipt,
): Promise<void> {
  const { terminal } = context;
  output.note(renderReceipt(receipt));
  const { run } = receipt;
  const followed = await followRun(client, terminal, output, run);
  if ('left' in followed) {
    const text =
      followed.left === 'interrupted'
        ? `no longer following; the run goes on. \`perennial show ${run}\` looks at it, \`perennial cancel ${run}\` stops it`
        : `${run} was taken out of the queue and did not run`;
    output.result({ ...receipt, followed: followed.left }, () => text);
    context.exitCode = followed.left === 'dropped' ? EXIT.cancelled : EXIT.ok;
    return;
  }
  const { outcome, reason, result } = followed.end;
  const live = await describeRun(client, run);
  const url = live && uiUrl(client, terminal.env, run, live.temporalRunId);
  output.result({ ...receipt, outcome, reason, result, url }, () =>
    [
      `${output.outcome(outcome)}: ${reason}`,
      output.facts([
        ['run', run],
        ['UI', url],
      ]),
    ].join('\n'),
  );
  context.exitCode = exitOf(outcome);
}
