import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { InvalidArgumentError } from '@commander-js/extra-typings';
import type { ReportData } from '../../contracts/insight.js';
import { askForObject, definitionOf } from '../answers.js';
import { uiUrl, withClient } from '../connect.js';
import { CliError } from '../errors.js';
import { formatBytes, plural } from '../format.js';
import { rememberedModels, unknownModel } from '../models.js';
import type { Terminal } from '../terminal.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly out: string;
  readonly model?: string | undefined;
  readonly limit: number;
  readonly json?: true | undefined;
}

/** Most runs of a model that a page can show and a person can read. */
const MOST_RUNS = 1_000;

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > MOST_RUNS)
    throw new InvalidArgumentError(`Give a number from 1 to ${MOST_RUNS}.`);
  return number;
}

async function collect(
  client: Client,
  terminal: Terminal,
  { model, limit }: Pick<Options, 'model' | 'limit'>,
): Promise<ReportData[]> {
  const found: ReportData[] = [];
  for (const name of model === undefined ? await rememberedModels(client) : [model]) {
    const definition = await definitionOf(client, terminal.env, name);
    if (!definition) throw await unknownModel(client, name);
    const input = { definition, outputUri: '', model: name, limit };
    found.push(await askForObject<ReportData>(client, terminal, 'collectReport', input));
  }
  // A model that was removed before it ran is no news.
  return model === undefined ? found.filter(({ runs }) => runs.length > 0) : found;
}

async function report(context: Context, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const file = resolve(terminal.cwd, options.out);
  await withClient(terminal, async (client) => {
    const models = await collect(client, terminal, options);
    // The plotting library takes a while to load: only this command pays for it.
    const { reportPage } = await import('../report/page.js');
    const page = await reportPage({
      models,
      madeAt: new Date().toISOString(),
      urlOf: ({ run, temporalRunId }) => uiUrl(client, terminal.env, run, temporalRunId),
    });
    await writeFile(file, page).catch((error: Error) => {
      throw new CliError(`${options.out} cannot be written: ${error.message}`);
    });
    const summary = models.map(({ model, runs }) => ({ model, runs: runs.length }));
    const bytes = Buffer.byteLength(page);
    output.result({ file, bytes, models: summary }, () => {
      const runs = summary.reduce((sum, one) => sum + one.runs, 0);
      return `${options.out}: ${plural(runs, 'run')} of ${plural(summary.length, 'model')}, ${formatBytes(bytes)}`;
    });
  });
}

export function reportCommand(context: Context): void {
  context.program
    .command('report')
    .description('write one HTML page about runs: metric over time, stages, predicted against actual, all runs')
    .requiredOption('--out <file>', 'where to write the page')
    .option('--model <name>', 'of this model alone')
    .option('--limit <count>', 'at most so many runs of a model', count, 200)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples('report --out report.html', 'report --model weather --limit 1000 --out weather.html'),
    )
    .action((options) => report(context, options));
}
