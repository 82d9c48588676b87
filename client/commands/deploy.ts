import { changeEndpoint } from '../change.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples } from './command.js';

export function deployCommand(context: Context): void {
  context.program
    .command('deploy')
    .description("put the live model on what the definition's endpoint section says now, without a training")
    .argument('<model>', 'name of the model')
    .option('--force', 'also where nothing differs from what is live')
    .option('--note <text>', 'why; it is kept with the change')
    .option('--by <name>', 'who decides, instead of the user of this machine')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('deploy weather', 'deploy weather --note "twice the traffic from Monday" --json'))
    .action(async (model, { force, ...options }) =>
      changeEndpoint(context, model, { kind: 'deploy', ...(force ? { force } : {}) }, options),
    );
}
