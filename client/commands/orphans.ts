import type { Orphan, OrphanReport, StoppedOrphan } from '../../contracts/orphans.js';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import type { Output } from '../output.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

const described = (output: Output, orphans: readonly Orphan[]) =>
  output.table(
    ['WHAT', 'NAME', 'STATUS', 'OF', 'WHY'],
    orphans.map(({ kind, name, status = '', run, reason }) => [kind, name, status, run, reason]),
  );

const done = ({ kind, name, done: what, reason }: StoppedOrphan) =>
  `${kind} ${name}: ${what}${reason ? `: ${reason}` : ''}`;

function render(output: Output, { orphans, more, stopped }: OrphanReport): string {
  const left = orphans.filter(({ state }) => state === 'left');
  const unproven = orphans.filter(({ state }) => state === 'unproven');
  const foreign = orphans.filter(({ state }) => state === 'foreign');
  const blocks = [
    left.length === 0 ? 'nothing left' : stopped.length > 0 ? stopped.map(done).join('\n') : described(output, left),
    left.length > 0 && stopped.length === 0 && '`perennial orphans --stop` stops and removes these',
    unproven.length > 0 && `endpoints on what no run has verified:\n${described(output, unproven)}`,
    foreign.length > 0 &&
      `not known here, perhaps of another namespace or long forgotten; stop them by hand if they are yours:\n${described(output, foreign)}`,
    more > 0 && `and ${more} more: run this again once these are gone`,
  ];
  return blocks.filter(Boolean).join('\n\n');
}

export function orphansCommand(context: Context): void {
  context.program
    .command('orphans')
    .description('what runs that were terminated, or ended badly, have left in SageMaker')
    .option('--stop', 'stop the training and transform jobs, and remove the endpoint configs and models; asks nothing')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('orphans', 'orphans --stop', 'orphans --json'))
    .action(async ({ stop = false, ...options }) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const report = await ask(client, terminal, 'orphans', 'all', { stop });
        output.result(report, () => render(output, report));
      });
    });
}
