import { modelOfTransform } from '../../contracts/transforms.js';
import { withClient } from '../connect.js';
import { findRun } from '../run/find.js';
import { loadRun } from '../run/load.js';
import { renderRun } from '../run/view.js';
import { loadTransform, renderTransform } from '../transform/view.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

export function showCommand(context: Context): void {
  context.program
    .command('show')
    .description(
      'everything known of a run: outcome and reason, stages, files, hashes, job, metrics, endpoint; of a batch transform, too',
    )
    .argument(
      '<run>',
      'id of the run, a unique part of it, its training job, or a model for its newest run; the id of a batch transform',
    )
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples('show weather', 'show retrain/weather/2026-11-21T09:00:00.000Z', 'show weather --json'),
    )
    .action(async (word, options) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      const warn = (text: string) => output.note(text);
      await withClient(terminal, async (client) => {
        if (modelOfTransform(word) !== undefined) {
          const view = await loadTransform(client, terminal.env, word);
          output.result(view, () => renderTransform(output, view));
          return;
        }
        const run = await findRun(client, terminal.env, word, warn);
        const view = await loadRun(client, terminal.env, run, warn);
        output.result(view, () => renderRun(output, view));
      });
    });
}
