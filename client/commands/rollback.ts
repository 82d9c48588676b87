import { changeEndpoint } from '../change.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples } from './command.js';

export function rollbackCommand(context: Context): void {
  context.program
    .command('rollback')
    .description(
      'put an earlier version of a model back in service; its data counts as rejected until something changes',
    )
    .argument('<model>', 'name of the model')
    .option(
      '--to <run>',
      'the run whose version is wanted, or a unique part of its id; without it the one that was live before',
    )
    .option('--note <text>', 'why; it is kept with the change')
    .option('--by <name>', 'who decides, instead of the user of this machine')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'rollback weather --note "predictions drift since noon"',
        'rollback weather --to retrain/weather/2026-11-20T09:00:00.000Z',
        'rollback weather --to 2026-11-20 --json',
      ),
    )
    .action(async (model, { to, ...options }) =>
      changeEndpoint(context, model, { kind: 'rollback', ...(to === undefined ? {} : { to }) }, options),
    );
}
