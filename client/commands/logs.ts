import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { firstDefinition } from '../answers.js';
import { withClient } from '../connect.js';
import { EXIT, usageError } from '../errors.js';
import { follow, readAll, type Reading } from '../logs/follow.js';
import { hostOf, type LogEntry } from '../logs/interleave.js';
import { logSource, type LogKind } from '../logs/source.js';
import type { Output } from '../output.js';
import { findRun } from '../run/find.js';
import { exitOf, followRun } from '../run/follow.js';
import { loadRun } from '../run/load.js';
import type { RunView } from '../run/view.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

interface Options {
  readonly follow?: true | undefined;
  readonly transform?: true | undefined;
  readonly endpoint?: true | undefined;
  readonly json?: true | undefined;
}

const WAIT_MS = 1_000;

const asJson = ({ at, stream, text }: LogEntry) => ({
  time: new Date(at).toISOString(),
  host: hostOf(stream),
  message: text,
});

// eslint-disable-next-line no-control-regex -- a program's escape sequences must not drive the terminal of whoever reads its log
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const asText = ({ stream, text }: LogEntry, hosts: number) =>
  `${hosts > 1 ? `${hostOf(stream)}  ` : ''}${text.replaceAll(CONTROL, '')}\n`;

/** A run that is about to have a job is waited for. */
async function loadStarted(
  client: Client,
  { terminal }: Context,
  run: string,
  { kind, output, signal }: { kind: LogKind; output: Output; signal?: AbortSignal },
): Promise<RunView> {
  const warn = (text: string) => output.note(text);
  let said = '';
  for (;;) {
    const view = await loadRun(client, terminal.env, run, warn);
    const source = logSource(view, kind);
    const isComing = typeof source === 'string' && ['queued', 'running'].includes(view.state);
    if (!signal || signal.aborted || !isComing) return view;
    if (source !== said) output.note(`${source}; waiting for it`);
    said = source;
    await sleep(WAIT_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function logs(context: Context, word: string, kind: LogKind, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const warn = (text: string) => output.note(text);
  const interrupt = new AbortController();
  const stop = options.follow ? terminal.onInterrupt(() => interrupt.abort()) : () => undefined;
  try {
    await withClient(terminal, async (client) => {
      const run = await findRun(client, terminal.env, word, warn);
      const signal = options.follow && interrupt.signal;
      const view = await loadStarted(client, context, run, { kind, output, ...(signal && { signal }) });
      const source = logSource(view, kind);
      if (typeof source === 'string') {
        output.result({ run, message: source, lines: [] }, () => source);
        return;
      }
      const definition = await firstDefinition(client, terminal.env, [view.model]);
      const reading = { client, terminal, definition, run, source };
      if (!options.follow) await printAll(output, context, reading);
      else {
        await printFollowed(output, context, reading, interrupt.signal);
        stop();
        if (!interrupt.signal.aborted && kind !== 'endpoint') await tellEnd(context, client, output, run);
      }
    });
  } finally {
    stop();
  }
}

type WithoutPrint = Omit<Reading, 'print'>;

const noOutput = ({ group, prefix }: Reading['source']) =>
  `no output yet: CloudWatch Logs has no stream ${prefix}… in ${group}`;

async function printAll(output: Output, { terminal }: Context, reading: WithoutPrint): Promise<void> {
  const all: LogEntry[] = [];
  const print = (entries: readonly LogEntry[], hosts: number) => {
    if (output.json) all.push(...entries);
    else for (const entry of entries) terminal.out(asText(entry, hosts));
  };
  const { found, jobStatus } = await readAll({ ...reading, print });
  if (!found) output.note(noOutput(reading.source));
  const { group, trainingJob } = reading.source;
  if (output.json)
    output.result({ run: reading.run, group, trainingJob, status: jobStatus, lines: all.map(asJson) }, () => '');
}

/** One JSON value a line, where JSON is asked for: who follows wants each as it comes. */
async function printFollowed(
  output: Output,
  { terminal }: Context,
  reading: WithoutPrint,
  signal: AbortSignal,
): Promise<void> {
  const print = (entries: readonly LogEntry[], hosts: number) => {
    for (const entry of entries)
      terminal.out(output.json ? `${JSON.stringify(asJson(entry))}\n` : asText(entry, hosts));
  };
  const { found, jobStatus } = await follow({ ...reading, print }, signal);
  if (!found) output.note(noOutput(reading.source));
  const { trainingJob } = reading.source;
  if (!signal.aborted && trainingJob) output.note(`training job ${trainingJob}: ${jobStatus ?? 'over'}`);
}

/** The rest of the run, and its outcome as the last line. */
async function tellEnd(context: Context, client: Client, output: Output, run: string): Promise<void> {
  const { terminal } = context;
  const followed = await followRun(client, terminal, output, run);
  if (!('end' in followed)) {
    output.note(`no longer following; the run goes on: \`perennial show ${run}\``);
    context.exitCode = EXIT.ok;
    return;
  }
  const { outcome, reason } = followed.end;
  context.exitCode = exitOf(outcome);
  output.result({ run, outcome, reason }, () => `${output.outcome(outcome)}: ${reason}`);
}

function kindOf({ transform, endpoint }: Options): LogKind {
  if (transform && endpoint) throw usageError('--transform and --endpoint are two logs: give one of them');
  return transform ? 'transform' : endpoint ? 'endpoint' : 'training';
}

export function logsCommand(context: Context): void {
  context.program
    .command('logs')
    .description("print a run's training output, from CloudWatch Logs; several hosts by time, with their names")
    .argument('<run>', 'id of the run, a unique part of it, its training job, or a model for its newest run')
    .option('--follow', 'go on as it is written, until the run ends; Ctrl-C ends the following, never the run')
    .option('--transform', "the output of the run's transform jobs instead")
    .option('--endpoint', "the output of the run's endpoint instead, since it was deployed")
    .option(JSON_FLAG, `${JSON_HELP}; with --follow one a line`)
    .addHelpText('after', examples('logs weather', 'logs weather --follow', 'logs weather --endpoint'))
    .action((run, options) => logs(context, run, kindOf(options), options));
}
