import type { Client } from '@temporalio/client';
import type { Definition } from '../../contracts/definition/index.js';
import { entityId } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import type { ModelStatus, Preview, RunReceipt, RunRequest } from '../../contracts/runs.js';
import { ask } from '../ask.js';
import { uiUrl, withClient } from '../connect.js';
import { renderFaults } from '../definition/fault.js';
import { applySettings } from '../definition/set.js';
import { CliError, EXIT, usageError } from '../errors.js';
import { formatBytes, plural } from '../format.js';
import { requireModel } from '../models.js';
import type { Output } from '../output.js';
import { describeRun } from '../run/describe.js';
import { exitOf, followRun } from '../run/follow.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly force?: true | undefined;
  readonly set?: string[] | undefined;
  readonly asOf?: string | undefined;
  /** commander's name for --no-deploy. */
  readonly deploy: boolean;
  readonly dryRun?: true | undefined;
  readonly follow?: true | undefined;
}

/** The longest that a worker may take to answer an update. */
const ANSWER_MS = 60_000;

function checkDate(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const date = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== text)
    throw usageError(`--as-of ${text} is not a date: write it as YYYY-MM-DD`);
  return text;
}

function requestOf(options: Options, asOf: string | undefined, { definition }: ModelStatus): RunRequest {
  let own: { definition: Definition } | undefined;
  if (options.set && options.set.length > 0) {
    const changed = applySettings(definition, options.set);
    if ('faults' in changed)
      throw new CliError(`${renderFaults(changed.faults)}\nnothing was started`, EXIT.usage, {
        details: { faults: changed.faults },
      });
    own = changed;
  }
  return {
    trigger: 'manual',
    ...(asOf ? { asOf } : {}),
    ...(options.force ? { force: true } : {}),
    ...(options.deploy ? {} : { noDeploy: true }),
    ...(own ? { definition: own.definition, set: options.set } : {}),
  };
}

function renderPreview(output: Output, model: string, preview: Preview): string {
  const { files, bytes, oldestDate, newestDate, added, changed, removed, endpointAction, endpoint } = preview;
  const verdict = preview.wouldTrain ? 'would train' : 'would not train';
  return [
    `${output.style('bold', model)}: ${verdict}`,
    ...preview.reasons.map((reason) => `  ${reason}`),
    output.facts([
      ['as of', preview.asOf],
      [
        'files',
        `${plural(files, 'file')}, ${formatBytes(bytes)}${oldestDate ? `, ${oldestDate} to ${newestDate}` : ''}`,
      ],
      ['difference', `${added} new, ${changed} changed, ${removed} removed`],
      ['image', preview.image],
      ['instances', preview.instanceTypes.join(', then ')],
      ['endpoint', endpointAction === 'none' ? `${endpoint}, left alone` : `${endpointAction} ${endpoint}`],
      ...preview.warnings.map((warning) => ['warning', warning] as const),
    ]),
  ].join('\n');
}

function renderReceipt({ run, state, position }: RunReceipt): string {
  if (state === 'started') return `started ${run}`;
  if (state === 'merged') return `${run} waits already, ${position} before it: it serves this request too`;
  return `queued ${run}, ${position} before it`;
}

async function request(client: Client, model: string, wish: RunRequest): Promise<RunReceipt> {
  const handle = client.workflow.getHandle(entityId(model));
  return client.withDeadline(Date.now() + ANSWER_MS, () =>
    handle.executeUpdate<RunReceipt, [RunRequest]>(MESSAGES.requestRun, { args: [wish] }),
  );
}

async function follow(client: Client, context: Context, output: Output, receipt: RunReceipt): Promise<void> {
  const { terminal } = context;
  output.note(renderReceipt(receipt));
  const { run } = receipt;
  const followed = await followRun(client, terminal, output, run);
  if ('left' in followed) {
    const text =
      followed.left === 'interrupted'
        ? `no longer following; the run goes on. \`perennial show ${run}\` looks at it, \`perennial cancel ${run}\` stops it`
        : `${run} was taken out of the queue and did not run`;
    output.result({ ...receipt, followed: followed.left }, () => text);
    context.exitCode = followed.left === 'dropped' ? EXIT.cancelled : EXIT.ok;
    return;
  }
  const { outcome, reason, result } = followed.end;
  const live = await describeRun(client, run);
  const url = live && uiUrl(client, terminal.env, run, live.temporalRunId);
  output.result({ ...receipt, outcome, reason, result, url }, () =>
    [
      `${output.outcome(outcome)}: ${reason}`,
      output.facts([
        ['run', run],
        ['UI', url],
      ]),
    ].join('\n'),
  );
  context.exitCode = exitOf(outcome);
}

async function run(context: Context, model: string, options: Options & { json?: true | undefined }): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const asOf = checkDate(options.asOf);
  if (options.dryRun && options.follow) throw usageError('--dry-run starts nothing that --follow could show: give one');
  await withClient(terminal, async (client) => {
    const { status } = await requireModel(client, terminal.env, model);
    const wish = requestOf(options, asOf, status);
    if (options.dryRun) {
      const { definition = status.definition, ...rest } = wish;
      const preview = await ask(client, terminal.env, 'preview', model, { definition, request: rest });
      output.result({ model, ...preview }, () => renderPreview(output, model, preview));
      return;
    }
    const receipt = await request(client, model, wish);
    if (options.follow) await follow(client, context, output, receipt);
    else output.result(receipt, () => `${renderReceipt(receipt)}\n\`perennial show ${receipt.run}\` looks at it`);
  });
}

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

export function runCommand(context: Context): void {
  context.program
    .command('run')
    .description('ask for a run of a model; it starts at once, or waits behind the one that runs')
    .argument('<model>', 'name of the model')
    .option('--force', 'train even if nothing is new')
    .option('--set <key=value>', 'change the definition for this run alone; can be given several times', collect)
    .option('--as-of <date>', 'look at the data as of a day, YYYY-MM-DD')
    .option('--no-deploy', 'train, and leave the endpoint alone')
    .option('--dry-run', 'say what a run would find and do, with reasons, and start nothing')
    .option('--follow', 'show the stages until the run ends; Ctrl-C stops the showing, not the run')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'run weather --follow',
        'run weather --dry-run',
        'run weather --force --set training.hyperparameters.wd=0.1 --no-deploy',
        'run weather --as-of 2015-06-30 --json',
      ),
    )
    .action((model, options) => run(context, model, options));
}
