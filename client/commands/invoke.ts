import { readFile } from 'node:fs/promises';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import { usageError } from '../errors.js';
import { plural } from '../format.js';
import { requireModel } from '../models.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly csv?: string | undefined;
  readonly file?: string | undefined;
  readonly contentType: string;
  readonly accept?: string | undefined;
}

/** SageMaker's limit for the body of a real-time request. */
const MAX_BYTES = 6 * 1024 * 1024;

async function rows({ csv, file }: Options, { terminal }: Context): Promise<string> {
  if (csv !== undefined && file !== undefined) throw usageError('--csv and --file both give rows: give one of them');
  if (csv === undefined && file === undefined && terminal.inIsTty)
    throw usageError('no rows: give --csv "1,2,3", --file rows.csv, or the rows on standard input');
  const given = csv?.replaceAll(String.raw`\n`, '\n');
  const text = given ?? (file === undefined ? await terminal.readAll() : await read(file));
  if (text.trim() === '')
    throw usageError(`${file ?? (csv === undefined ? 'standard input' : '--csv')} is empty: give at least one row`);
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw usageError(`the rows are over 6 MiB, the most that SageMaker takes in one request: send them in parts`);
  return text;
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: Error) => {
    throw usageError(`${file} cannot be read: ${error.message}`);
  });
}

async function invoke(context: Context, model: string, options: Options & { json?: true | undefined }): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const body = await rows(options, context);
  await withClient(terminal, async (client) => {
    const { definition } = (await requireModel(client, terminal.env, model)).status;
    const { contentType, accept } = options;
    // The S3 client takes a while to load: only this command pays for it.
    const { placeOf, withExchange } = await import('../exchange.js');
    await withExchange(terminal, placeOf(definition), async (exchange, interrupt) => {
      const { inputUri, outputUri } = exchange;
      await exchange.put(body, contentType);
      const input = { definition, inputUri, outputUri, contentType, ...(accept ? { accept } : {}) };
      const { status, variant } = await ask(client, terminal, 'invoke', model, input, interrupt);
      const answer = await exchange.read();
      output.result({ model, endpoint: definition.endpoint.name, status, variant, answer }, () => answer);
      output.note(
        `${plural(body.trimEnd().split('\n').length, 'row')} to ${definition.endpoint.name}, status ${status}`,
      );
    });
  });
}

export function invokeCommand(context: Context): void {
  context.program
    .command('invoke')
    .description("send rows to a model's endpoint; they travel as encrypted S3 objects that are deleted after")
    .argument('<model>', 'name of the model')
    .option('--csv <rows>', String.raw`rows of features, without the label; \n separates rows`)
    .option('--file <file>', 'a file of rows, instead of standard input')
    .option('--content-type <type>', 'what the rows are', 'text/csv')
    .option('--accept <type>', 'what the answer should be')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'invoke weather --csv "12.8,5.0,4.7"',
        'invoke weather --file rows.csv --accept text/csv',
        'invoke weather < rows.csv',
      ),
    )
    .action((model, options) => invoke(context, model, options));
}
