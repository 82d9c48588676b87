import type { Approval, Decision } from '../../contracts/evaluation.js';
import { MESSAGES } from '../../contracts/runs.js';
import { requireWorker, withClient } from '../connect.js';
import { decisionOf } from '../person.js';
import { findRun } from '../run/find.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly note?: string | undefined;
  readonly by?: string | undefined;
  readonly json?: true | undefined;
}

async function decide(context: Context, word: string, approve: boolean, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const decision: Decision = { approve, ...decisionOf(options, terminal.env) };
  const { by } = decision;
  await withClient(terminal, async (client) => {
    const run = await findRun(client, terminal.env, word, (text) => output.note(text));
    await requireWorker(client, terminal.env);
    const approval = await client.workflow
      .getHandle(run)
      .executeUpdate<Approval, [Decision]>(MESSAGES.decide, { args: [decision] });
    output.result({ run, ...approval }, () =>
      approve
        ? `${run} is approved by ${by} and will be deployed; \`perennial show ${run}\` says how it ends`
        : `${run} is rejected by ${by}; its data isn't trained again until something changes`,
    );
  });
}

function add(context: Context, name: 'approve' | 'reject', description: string): void {
  context.program
    .command(name)
    .description(description)
    .argument('<run>', 'id of the run, a unique part of it, or a model for its newest run')
    .option('--note <text>', 'why; it is kept with the run')
    .option('--by <name>', 'who decides, instead of the user of this machine')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples(`${name} weather --note "figures seen by the team"`))
    .action((word, options) => decide(context, word, name === 'approve', options));
}

export function decideCommands(context: Context): void {
  add(context, 'approve', 'let a candidate be deployed that waits for a person');
  add(context, 'reject', 'end a run whose candidate waits for a person; the endpoint stays as it is');
}
