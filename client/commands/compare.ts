import { COMPARED_RUNS } from '../../contracts/insight.js';
import { loadComparison } from '../compare/load.js';
import { renderFiles, renderMarkdown, renderTable } from '../compare/render.js';
import { compareView } from '../compare/view.js';
import { withClient } from '../connect.js';
import { usageError } from '../errors.js';
import { findRun } from '../run/find.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly files?: true | undefined;
  readonly markdown?: true | undefined;
  readonly json?: true | undefined;
}

async function compare(context: Context, words: readonly string[], options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const { least, most } = COMPARED_RUNS;
  if (options.json && options.markdown) throw usageError('--json and --markdown are two forms: give one of them');
  if (words.length < least || words.length > most)
    throw usageError(`${words.length} given: name ${least} to ${most} runs; the others are compared with the first`);
  const warn = (text: string) => output.note(text);
  await withClient(terminal, async (client) => {
    const runs: string[] = [];
    for (const word of words) runs.push(await findRun(client, terminal.env, word, warn));
    const twice = runs.find((run, index) => runs.indexOf(run) !== index);
    if (twice) throw usageError(`${twice} is named twice: name different runs`);
    const view = compareView(await loadComparison(client, terminal, runs));
    output.result({ runs: view }, () => {
      if (options.markdown) {
        const keys = options.files ? `\n\n\`\`\`\n${renderFiles(view)}\n\`\`\`` : '';
        return renderMarkdown(view) + keys;
      }
      const width = terminal.outIsTty ? terminal.columns : undefined;
      return renderTable(output, view, width) + (options.files ? `\n\n${renderFiles(view)}` : '');
    });
  });
}

export function compareCommand(context: Context): void {
  context.program
    .command('compare')
    .description('compare runs by what went in and what came out; the first is what the others are compared with')
    .argument('<runs...>', 'two to ten runs: ids, unique parts of them, training jobs, or models for their newest run')
    .option('--files', 'name the files that differ, holdout files apart')
    .option('--markdown', 'print a Markdown table')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'compare retrain/weather/2026-11-20T09:00:00.000Z retrain/weather/2026-11-21T09:00:00.000Z',
        'compare 20T09:00:00.000Z weather --files',
        'compare weather weather-north --markdown',
      ),
    )
    .action((runs, options) => compare(context, runs, options));
}
