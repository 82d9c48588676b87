import {
  retentionId,
  type RetentionInput,
  type RetentionResult,
  type RetentionStep,
} from '../../contracts/retention.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { requireWorker, taskQueue, withClient } from '../connect.js';
import { EXIT, usageError } from '../errors.js';
import { formatBytes, plural } from '../format.js';
import { requireModel } from '../models.js';
import type { Output } from '../output.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

const STEPS: Readonly<Record<RetentionStep, string>> = {
  age: 'older than data is kept: purge',
  return: 'owners active again: bring back',
  apart: 'owners dormant: set apart',
  grace: 'set apart long enough: purge',
};

function render(output: Output, { model, date, dryRun, passes, warnings }: RetentionResult): string {
  const table = output.table(
    ['DUE', 'OBJECTS', 'OWNERS', 'BYTES', ...(dryRun ? [] : ['OUTCOME', 'REQUEST'])],
    passes.map(({ step, objects, owners, bytes, outcome = '', request = '' }) => [
      STEPS[step],
      String(objects),
      owners === 0 ? '' : String(owners),
      formatBytes(bytes),
      ...(dryRun ? [] : [outcome, request]),
    ]),
    ['OWNERS', 'BYTES'],
  );
  const nothing = `nothing of ${model} is due on ${date}`;
  return [passes.length > 0 ? table : nothing, ...warnings.map((warning) => `warning: ${warning}`)].join('\n');
}

interface Options {
  readonly asOf?: string | undefined;
  readonly dryRun?: true | undefined;
  readonly json?: true | undefined;
}

async function run(context: Context, model: string, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  if (options.asOf !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(options.asOf))
    throw usageError(`--as-of "${options.asOf}" must be a date: YYYY-MM-DD`);
  await withClient(terminal, async (client) => {
    const { definition } = (await requireModel(client, terminal.env, model)).status;
    if (!definition.data.retention)
      throw usageError(`${model} has no data.retention: say in its definition how long data is kept, and apply it`);
    await requireWorker(client, terminal.env);
    const dryRun = options.dryRun === true;
    const input: RetentionInput = { definition, dryRun, ...(options.asOf !== undefined && { date: options.asOf }) };
    const handle = await client.workflow.start(WORKFLOWS.retention, {
      // One at a time, whoever starts it; a look changes nothing and may run beside it.
      workflowId: dryRun ? `${retentionId(model)}/look` : retentionId(model),
      taskQueue: taskQueue(terminal.env),
      args: [input],
      staticSummary: dryRun ? `what is due of ${model}` : `retention of ${model}`,
    });
    if (!dryRun) output.note(`${handle.workflowId} goes on if this command is interrupted`);
    const result = (await handle.result()) as RetentionResult;
    output.result(result, () => render(output, result));
    const open = result.passes.filter(({ outcome }) => outcome !== undefined && outcome !== 'Purged');
    for (const { request, reason } of open) output.note(`${request}: ${reason}`);
    if (dryRun && result.passes.length > 0) {
      const objects = result.passes.reduce((sum, pass) => sum + pass.objects, 0);
      output.note(`dry run: ${plural(objects, 'object')} of ${model}, nothing was changed`);
    }
    if (open.length > 0) context.exitCode = EXIT.failed;
  });
}

export function retentionCommand(context: Context): void {
  context.program
    .command('retention')
    .description('purge what is due by data.retention of a model now, as its schedule does')
    .argument('<model>', 'name of the model')
    .option('--dry-run', 'only say what is due')
    .option('--as-of <date>', 'look at the data as of this day, YYYY-MM-DD; today without it')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('retention seattle-weather --dry-run', 'retention seattle-weather'))
    .action((model, options) => run(context, model, options));
}
