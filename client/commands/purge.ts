import { type Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Client } from '@temporalio/client';
import type { PurgeInput } from '../../contracts/purge/index.js';
import { requireWorker, withClient } from '../connect.js';
import { closest } from '../definition/schema.js';
import { usageError } from '../errors.js';
import { untilInterrupted } from '../interrupt.js';
import type { Output } from '../output.js';
import { decisionOf } from '../person.js';
import { linksBefore } from '../purge/again.js';
import { start, tellOf } from '../purge/begin.js';
import {
  checkColumn,
  checkRequest,
  confirm,
  hintAtFolders,
  purgeOptions,
  tellRepeated,
  writeList,
  type Listed,
} from '../purge/start.js';
import { Faults } from '../purge/targets.js';
import { certificateCommand } from './certificate.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';
import { liftCommand } from './lift.js';
import { purgeUpkeep } from './purge-upkeep.js';

interface Options {
  readonly prefix?: string[] | undefined;
  readonly from?: string | undefined;
  readonly request?: string | undefined;
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  readonly column?: number | undefined;
  readonly valueFile?: string | undefined;
  readonly dryRun?: true | undefined;
  readonly follow?: true | undefined;
  readonly retrain?: true | undefined;
  readonly stopJobs?: true | undefined;
  readonly uploads?: 'report' | 'purge' | undefined;
  readonly bypassGovernance?: true | undefined;
  readonly tombstones?: boolean | undefined;
  readonly yes?: true | undefined;
  readonly json?: true | undefined;
}

async function purge(context: Context, uris: string[], options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const { request = '', reason = '', column, valueFile, dryRun } = options;
  const named = { uris, prefix: options.prefix, from: options.from, valueFile };
  const faults = new Faults();
  if (!dryRun) checkRequest(faults, { request, reason });
  checkColumn(faults, column, valueFile);
  refuseCommands(context, uris);
  const { by } = decisionOf({ by: options.by }, terminal.env);
  hintAtFolders(named, output);
  await withClient(terminal, async (client) => {
    await requireWorker(client, terminal.env);
    const wish = { request, reason: reason.trim(), by, options: purgeOptions(options) };
    const started = await untilInterrupted(terminal, async (interrupt) => {
      const allow = async (found: Listed) => {
        tellRepeated(found, output);
        if (!dryRun && !options.yes) await confirm(terminal, request, found, interrupt);
      };
      const listed = await writeList(client, terminal, named, faults, interrupt, allow);
      const { list, declared } = listed;
      try {
        if (dryRun) return await plan(client, context, output, listed, options, interrupt);
        const pinned = { targetsUri: list.uri, targetsHash: list.hash };
        const links = await linksBefore(client, request);
        const input: PurgeInput = {
          ...wish,
          ...pinned,
          ...(declared && { storage: declared }),
          ...(links > 0 && { links }),
        };
        return await start(client, context, input, () => list.discard());
      } finally {
        list.close();
      }
    });
    if (started) await tellOf(client, context, output, started, options.follow);
  });
}

/** A subcommand with a slip in it looks like an object to commander. */
function refuseCommands({ program }: Context, [word = '']: readonly string[]): void {
  if (/[:/]/.test(word) || word === '') return;
  const known = program.commands.find((one) => one.name() === 'purge')?.commands.map((one) => one.name()) ?? [];
  const near = closest(word, known);
  if (near !== undefined)
    throw usageError(`${word} is neither a command of purge nor an S3 URI. Did you mean \`perennial purge ${near}\`?`);
}

async function plan(
  client: Client,
  { terminal }: Context,
  output: Output,
  listed: Listed,
  options: Options,
  interrupt: AbortSignal,
): Promise<undefined> {
  try {
    const { planPurge, renderPlan } = await import('../purge/plan.js');
    interrupt.throwIfAborted();
    const found = await planPurge(client, terminal, listed, purgeOptions(options));
    output.result({ dryRun: true, ...found }, () => renderPlan(output, found));
  } finally {
    await listed.list.discard();
  }
}

export function purgeCommand(context: Context): void {
  const group: Command = context.program.command('purge');
  group
    .description(
      'erase S3 objects in all their versions, with their copies on mounts and in declared buckets, prove it, and name the models that saw them',
    )
    // Its options are those before a subcommand's name; what follows is the subcommand's.
    .enablePositionalOptions()
    .argument('[uris...]', 'S3 URIs of objects; personal keys are better given by --from')
    .option('--prefix <uri>', 'S3 URI of a prefix: everything below goes; may be given more than once', andMore)
    .option('--from <file>', 'a file of S3 URIs, one a line, or of JSON lines for odd keys; - is standard input')
    .option('--request <id>', 'id of the request, never the name of a person')
    .option('--reason <text>', 'why, for the auditor; nothing personal')
    .option('--by <name>', 'who asks, where it is not the user of this machine')
    .option('--column <number>', 'erase rows, not objects: those with a value of --value-file in this column', whole)
    .option('--value-file <file>', 'the values, one a line')
    .option('--dry-run', 'only say what would go')
    .option('--follow', 'show how it goes until it ends; Ctrl-C stops the showing, not the purge')
    .option('--retrain', 'start runs of the live models that saw the data; the purge ends when they are over')
    .option('--stop-jobs', 'stop the training and transform jobs that read the data now')
    .addOption(
      new Option('--uploads <what>', 'what to do with what is uploaded under a target while the purge runs').choices([
        'report',
        'purge',
      ] as const),
    )
    .option('--bypass-governance', 'erase what Object Lock protects in GOVERNANCE mode')
    .option('--no-tombstones', 'let later manifests contain the keys again')
    .option('--yes', 'do not ask')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      `${examples(
        'purge s3://bucket/data/weather/train/2015-01-03.csv --request R-17 --reason "erasure request" --dry-run',
        'purge --from keys.txt --request R-17 --reason "erasure request" --follow --retrain',
        'purge --prefix s3://bucket/people/ --column 3 --value-file ids.txt --request R-18 --reason "erasure request"',
        'purge status R-17',
      )}\n\nWith --follow it ends with code 0 if all is gone (Purged), 1 if something is left (Blocked, Reuploaded, Failed), 4 if it was cancelled.`,
    )
    .action((uris, options) => purge(context, uris, options));
  purgeUpkeep(context, group);
  liftCommand(context, group);
  certificateCommand(context, group);
}

/** One value for each time that an option is given: one that takes several would take the objects after it for prefixes. */
function andMore(text: string, before: string[] = []): string[] {
  return [...before, text];
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a number, from 1.');
  return Number(text);
}
