import type { Command } from '@commander-js/extra-typings';
import { REQUEST_ID } from '../../contracts/purge/index.js';
import { certificateOf } from '../audit/ask.js';
import { formOf, writeCertificate } from '../audit/file.js';
import { BUCKET_HELP, storageFor } from '../audit/storage.js';
import { withClient } from '../connect.js';
import { usageError } from '../errors.js';
import { formatBytes, plural } from '../format.js';
import { recordsBucketOf } from '../purge/look.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly out: string;
  readonly bucket?: string | undefined;
  readonly json?: true | undefined;
}

async function certificate(context: Context, request: string, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  if (!REQUEST_ID.test(request))
    throw usageError(`${request} is no id of a request: letters, digits, ".", "_" and "-", at most 100`);
  formOf(options.out);
  await withClient(terminal, async (client) => {
    const storage = await storageFor(client, options.bucket, () => recordsBucketOf(client, request));
    const made = await certificateOf(client, terminal, { request, storage });
    const bytes = await writeCertificate(terminal, options.out, made);
    const signed = made.signature !== undefined;
    if (!signed) output.note('it is not signed: declare storage.audit with a signing key for one that proves itself');
    const { executions, chain } = made;
    const outcomes = executions.map(({ ended }) => ended?.outcome ?? 'not ended');
    output.result({ file: options.out, bytes, request, signed, outcomes, chain }, () => {
      const what = `${plural(executions.length, 'execution')}: ${outcomes.join(', ')}`;
      return `${options.out}: request ${request}, ${what}; row ${chain.sequence} of the chain, ${formatBytes(bytes)}`;
    });
  });
}

/** `purge certificate`: adds itself to the group `purge`. */
export function certificateCommand(context: Context, group: Command): void {
  group
    .command('certificate')
    .description('write the signed certificate of a request: who, when, why, what went, what is left, which models')
    .argument('<request>', 'id of the erasure request')
    .requiredOption('--out <file>', 'where to write it: .json for programs, .html for people (it holds the JSON too)')
    .option('--bucket <name>', BUCKET_HELP)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples('purge certificate DSR-17 --out DSR-17.html', 'purge certificate DSR-17 --out DSR-17.json --json'),
    )
    .action((request, options) => certificate(context, request, options));
}
