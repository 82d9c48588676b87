import type { Definition } from '../../contracts/definition/index.js';
import type { ModelStatus, RunRequest } from '../../contracts/runs.js';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import { renderFaults } from '../definition/fault.js';
import { applySettings } from '../definition/set.js';
import { CliError, EXIT, usageError } from '../errors.js';
import { requireModel } from '../models.js';
import { renderPreview } from '../run/preview.js';
import { followReceipt, renderReceipt, requestRun } from '../run/receipt.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';
import { checkDate } from './dates.js';

interface Options {
  readonly force?: true | undefined;
  readonly set?: string[] | undefined;
  readonly asOf?: string | undefined;
  /** commander's name for --no-deploy. */
  readonly deploy: boolean;
  readonly dryRun?: true | undefined;
  readonly follow?: true | undefined;
}

function requestOf(options: Options, asOf: string | undefined, { definition }: ModelStatus): RunRequest {
  let own: { definition: Definition } | undefined;
  if (options.set && options.set.length > 0) {
    const changed = applySettings(definition, options.set);
    if ('faults' in changed)
      throw new CliError(`${renderFaults(changed.faults)}\nnothing was started`, EXIT.usage, {
        details: { faults: changed.faults },
      });
    own = changed;
  }
  return {
    trigger: 'manual',
    ...(asOf ? { asOf } : {}),
    ...(options.force ? { force: true } : {}),
    ...(options.deploy ? {} : { noDeploy: true }),
    ...(own ? { definition: own.definition, set: options.set } : {}),
  };
}

async function run(context: Context, model: string, options: Options & { json?: true | undefined }): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const asOf = options.asOf === undefined ? undefined : checkDate('--as-of', options.asOf);
  if (options.dryRun && options.follow) throw usageError('--dry-run starts nothing that --follow could show: give one');
  await withClient(terminal, async (client) => {
    const { status } = await requireModel(client, terminal.env, model);
    const wish = requestOf(options, asOf, status);
    if (options.dryRun) {
      const { definition = status.definition, ...rest } = wish;
      const preview = await ask(client, terminal, 'preview', model, { definition, request: rest });
      output.result({ model, ...preview }, () => renderPreview(output, model, preview));
      return;
    }
    const receipt = await requestRun(client, model, wish);
    if (options.follow) await followReceipt(client, context, output, receipt);
    else output.result(receipt, () => `${renderReceipt(receipt)}\n\`perennial show ${receipt.run}\` looks at it`);
  });
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

export function runCommand(context: Context): void {
  context.program
    .command('run')
    .description('ask for a run of a model; it starts at once, or waits behind the one that runs')
    .argument('<model>', 'name of the model')
    .option('--force', 'train even if nothing is new')
    .option('--set <key=value>', 'change the definition for this run alone; can be given several times', collect)
    .option('--as-of <date>', 'look at the data as of a day, YYYY-MM-DD')
    .option('--no-deploy', 'train, and leave the endpoint alone')
    .option('--dry-run', 'say what a run would find and do, with reasons, and start nothing')
    .option('--follow', 'show the stages until the run ends; Ctrl-C stops the showing, not the run')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'run weather --follow',
        'run weather --dry-run',
        'run weather --force --set training.hyperparameters.wd=0.1 --no-deploy',
        'run weather --as-of 2015-06-30 --json',
      ),
    )
    .action((model, options) => run(context, model, options));
}
