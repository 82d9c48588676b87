import type { Client } from '@temporalio/client';
import { entityId, parseRunId } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import { modelOfTransform } from '../../contracts/transforms.js';
import { withClient } from '../connect.js';
import { CliError } from '../errors.js';
import type { Output } from '../output.js';
import { awaitEnd, describeRun } from '../run/describe.js';
import { findRun, queuedRuns } from '../run/find.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

async function drop(client: Client, output: Output, run: string): Promise<void> {
  const { model = '' } = parseRunId(run) ?? {};
  const dropped = await client.workflow
    .getHandle(entityId(model))
    .executeUpdate<boolean, [string]>(MESSAGES.dropQueued, { args: [run] });
  if (!dropped) throw new CliError(`${run} has just left the queue: \`perennial cancel ${run}\` again stops it`);
  output.result(
    { run, cancelled: true, was: 'queued' },
    () => `${run} was taken out of the queue; nothing had started`,
  );
}

async function cancel(client: Client, output: Output, run: string, wait: boolean): Promise<void> {
  const live = await describeRun(client, run);
  if (!live && modelOfTransform(run) !== undefined)
    throw new CliError(
      `no transform ${run} is known to Temporal: the id that \`perennial transform\` printed is meant`,
    );
  if (!live) {
    const { model = '' } = parseRunId(run) ?? {};
    if ((await queuedRuns(client, model)).includes(run)) return drop(client, output, run);
    throw new CliError(`no run ${run} is running or queued: \`perennial runs\` lists them`);
  }
  if (live.status !== 'RUNNING') {
    const { outcome } = await awaitEnd(client, run);
    throw new CliError(`${run} has ended already: ${outcome}. There is nothing to cancel`);
  }
  await client.workflow.getHandle(run).cancel();
  // The request is Temporal's now; what it stops is stopped by a worker.
  if (!live.progress) output.note('no worker answers at the moment: the run stops once one is there');
  if (!wait) {
    output.result({ run, requested: true }, () => `asked ${run} to stop; \`perennial show ${run}\` says how it ends`);
    return;
  }
  output.note(`asked ${run} to stop; waiting until what it started has stopped too (Ctrl-C stops the waiting alone)`);
  const { outcome, reason } = await awaitEnd(client, run);
  const cancelled = outcome === 'Cancelled';
  output.result({ run, cancelled, was: 'running', outcome, reason }, () =>
    cancelled
      ? `${output.outcome(outcome)}: ${reason}`
      : `it ended before the request reached it: ${outcome}, ${reason}`,
  );
}

export function cancelCommand(context: Context): void {
  context.program
    .command('cancel')
    .description('stop a run, with what it started in SageMaker, or take it out of the queue')
    .argument('<run>', 'id of the run, a unique part of it, or a model for its newest run; or the id of a transform')
    .option('--no-wait', 'do not wait until it has stopped')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('cancel weather', 'cancel retrain/weather/2026-11-21T09:00:00.000Z --no-wait'))
    .action(async (word, { wait, ...options }) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const transform = modelOfTransform(word) !== undefined;
        const run = transform ? word : await findRun(client, terminal.env, word, (text) => output.note(text));
        await cancel(client, output, run, wait);
      });
    });
}
