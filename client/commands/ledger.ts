import type { Client } from '@temporalio/client';
import { parseS3Uri } from '../../contracts/names.js';
import { askLedger } from '../ask.js';
import { requireWorker, withClient } from '../connect.js';
import { CliError, usageError } from '../errors.js';
import { plural } from '../format.js';
import { lastDefinition, rememberedModels } from '../models.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Source {
  readonly bucket: string;
  readonly output: string;
}

function sourceOf(uri: string): Source {
  const match = /^s3:\/\/[^/]+\/.+\/$/.test(uri) ? parseS3Uri(uri) : undefined;
  if (!match) throw usageError(`--source ${uri} is not an output prefix: write it as s3://bucket/models/name/`);
  return { bucket: match.bucket, output: match.key };
}

/** Where the records of every model lie that Temporal remembers. */
async function sourcesOf(client: Client, models: readonly string[]): Promise<Source[]> {
  const definitions = await Promise.all(models.map((model) => lastDefinition(client, model)));
  return definitions.map(({ data: { bucket, output } }) => ({ bucket, output }));
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

/** `ledger rebuild`. */
export function ledgerCommand(context: Context): void {
  context.program
    .command('ledger')
    .description('the index of runs in PostgreSQL')
    .command('rebuild')
    .description('empty the index and make it again from the outcome objects in S3, of removed models too')
    .option('--source <uri>', 'further output prefix, of a model that Temporal has forgotten; several times', collect)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('ledger rebuild', 'ledger rebuild --source s3://my-bucket/models/old-model/'))
    .action(async ({ source = [], ...options }) => {
      const { terminal } = context;
      const output = outputOf(context, options);
      const further = source.map(sourceOf);
      await withClient(terminal, async (client) => {
        await requireWorker(client, terminal.env);
        const models = await rememberedModels(client);
        const all = [...(await sourcesOf(client, models)), ...further];
        const sources = [...new Map(all.map((one) => [`${one.bucket}/${one.output}`, one])).values()];
        if (sources.length === 0)
          throw new CliError('Temporal remembers no model, so there is nothing to read: name prefixes with --source');
        output.note(`reading ${sources.map((one) => `s3://${one.bucket}/${one.output}`).join(', ')}`);
        const { runs, files } = await askLedger<'rebuild'>(client, terminal.env, { kind: 'rebuild', sources });
        output.result(
          { models, sources, runs, files },
          () => `indexed ${plural(runs, 'run')} and ${plural(files, 'file version')}`,
        );
      });
    });
}
