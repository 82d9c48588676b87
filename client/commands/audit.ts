import { parseS3Uri } from '../../contracts/names.js';
import { erasedBy, verifyWith } from '../audit/ask.js';
import { readCertificate } from '../audit/file.js';
import { BUCKET_HELP, storageFor } from '../audit/storage.js';
import { erasedText, verdictText } from '../audit/words.js';
import { ask } from '../ask.js';
import { withClient } from '../connect.js';
import { EXIT, usageError } from '../errors.js';
import { NOT_UTF8, linesOf } from '../lines.js';
import type { Terminal } from '../terminal.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface VerifyOptions {
  readonly certificate?: string | undefined;
  readonly bucket?: string | undefined;
  readonly json?: true | undefined;
}

async function verify(context: Context, options: VerifyOptions): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const given = options.certificate === undefined ? undefined : await readCertificate(terminal, options.certificate);
  await withClient(terminal, async (client) => {
    const verdict = given
      ? await verifyWith(client, terminal, {
          certificate: given.certificate,
          storage: await storageFor(client, options.bucket),
        })
      : await ask(client, terminal, 'auditVerify', 'chain', {});
    const faults = [...verdict.faults, ...(given?.fault ? [given.fault] : [])];
    const all = { ...verdict, faults };
    if (faults.length > 0) context.exitCode = EXIT.failed;
    output.result(all, () => verdictText(output, all));
  });
}

interface ErasedOptions {
  readonly from?: string | undefined;
  readonly bucket?: string | undefined;
  readonly json?: true | undefined;
}

/** The one URI that is asked about. */
export async function uriOf(
  terminal: Terminal,
  argument: string | undefined,
  from: string | undefined,
): Promise<string> {
  if ((argument === undefined) === (from === undefined))
    throw usageError(
      'give either the URI or --from <file>; a personal key belongs in a file, or on standard input (-)',
    );
  const uri = from === undefined ? argument : await firstLine(terminal, from);
  // The words name no URI: it may be personal.
  if (!/^s3:\/\/[^/]+\/./s.test(uri ?? ''))
    throw usageError('what was given is not the URI of an object: s3://bucket/key');
  return uri ?? '';
}

async function firstLine(terminal: Terminal, file: string): Promise<string> {
  for await (const { text } of linesOf(file, terminal)) {
    if (text === undefined) throw usageError(`${file === '-' ? 'standard input' : file}, line 1: ${NOT_UTF8}`);
    return text;
  }
  return '';
}

async function erased(context: Context, argument: string | undefined, options: ErasedOptions): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const uri = await uriOf(terminal, argument, options.from);
  await withClient(terminal, async (client) => {
    const storage = await storageFor(client, options.bucket, async () => parseS3Uri(uri).bucket);
    const answer = await erasedBy(client, terminal, { uri, storage });
    output.result(answer, () => erasedText(output, answer));
  });
}

/** `audit verify`, `audit erased`. */
export function auditCommand(context: Context): void {
  const group = context.program.command('audit').description('the record of purges, which nobody can rewrite unseen');
  group
    .command('verify')
    .description('recompute the hash chain against its signed heads; exit code 1 if anything was changed')
    .option('--certificate <file>', 'verify this certificate too (.json, or the .html page)')
    .option('--bucket <name>', BUCKET_HELP)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('audit verify', 'audit verify --certificate DSR-17.json --json'))
    .action((options) => verify(context, options));
  group
    .command('erased')
    .description('which purges erased an object')
    .argument('[uri]', 's3://bucket/key; a personal key is better given by --from')
    .option('--from <file>', 'file whose first line is the URI; - is standard input')
    .option('--bucket <name>', BUCKET_HELP)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('audit erased s3://my-bucket/data/2026-01-01.csv', 'audit erased --from key.txt'))
    .action((uri, options) => erased(context, uri, options));
}
