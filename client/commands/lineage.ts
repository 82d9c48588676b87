import { withClient } from '../connect.js';
import { lineageOf } from '../lineage/ask.js';
import { lineageText } from '../lineage/words.js';
import { uriOf } from './audit.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly versionId?: string | undefined;
  readonly from?: string | undefined;
  readonly json?: true | undefined;
}

async function lineage(context: Context, argument: string | undefined, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const uri = await uriOf(terminal, argument, options.from);
  await withClient(terminal, async (client) => {
    const { versionId } = options;
    const answer = await lineageOf(client, terminal, { uri, versionId });
    output.result(answer, () => lineageText(output, answer));
  });
}

export function lineageCommand(context: Context): void {
  context.program
    .command('lineage')
    .description('who saw a file: the runs, models, endpoints (live or not) and batch outputs that used it')
    .argument('[uri]', 's3://bucket/key; a personal key is better given by --from')
    .option('--version-id <id>', 'only this version of the object')
    .option('--from <file>', 'file whose first line is the URI; - is standard input')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      `${examples(
        'lineage s3://my-bucket/data/seattle-weather/train/2015-01-03.csv',
        'lineage --from key.txt --json',
      )}\n\nA key that was purged is found as before. The exit code is 0 also where no run used the file.`,
    )
    .action((uri, options) => lineage(context, uri, options));
}
