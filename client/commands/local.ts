import { join, resolve } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { ENGINE_NAMES, type EngineName } from '../../engine/engine.js';
import { CliError, usageError } from '../errors.js';
import { closest } from '../definition/schema.js';
import type { Output } from '../output.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

const STATE_DIR = '.perennial';
const PORTS = [
  'temporal',
  'ui',
  'aws',
  'sagemaker',
  'slack',
  'redshift',
  'postgres',
  'warehouse',
  'workerHealth',
  'workerMetrics',
] as const;
type Port = (typeof PORTS)[number];

function port(text: string, before: Partial<Record<Port, number>> | undefined): Partial<Record<Port, number>> {
  const [name = '', number = ''] = text.split('=');
  const known = PORTS.find((one) => one === name);
  if (!known) {
    const near = closest(name, PORTS);
    throw new InvalidArgumentError(near ? `Did you mean ${near}=…?` : `Known: ${PORTS.join(', ')}.`);
  }
  if (!/^\d+$/.test(number) || Number(number) > 65_535)
    throw new InvalidArgumentError('Write name=number; 0 asks for a free port.');
  return { ...before, [known]: Number(number) };
}

/** An empty name would stand for the working folder itself: a shell variable that is not set makes one. */
function folder(stateDir: string): string {
  if (stateDir === '') throw usageError('--state-dir needs a folder');
  return stateDir;
}

interface Started {
  readonly env: Readonly<Record<string, string>>;
  readonly urls: Readonly<Record<string, string | undefined>>;
  readonly logsDir: string;
}

/** Commands find local mode in the default folder by themselves. */
const howToReach = (stateDir: string) =>
  resolve(stateDir) === resolve(STATE_DIR) ? undefined : `set -a; . '${join(resolve(stateDir), 'env')}'; set +a`;

function announce(output: Output, { env, urls, logsDir }: Started, stateDir: string, pid: number): void {
  output.result({ stateDir, pid, env, urls, logsDir }, () =>
    [
      `local mode runs, state and logs under ${stateDir}`,
      output.facts([
        ['Temporal UI', urls['ui']],
        ['Slack messages', urls['slack']],
        ['SageMaker', urls['sagemaker']],
        ['Redshift', urls['redshift'] && `${urls['redshift']}, SQL at ${urls['warehouse']}`],
        ['other AWS', urls['aws']],
        ['logs', logsDir],
        ['for commands', howToReach(stateDir)],
      ]),
    ].join('\n'),
  );
}

interface UpOptions {
  readonly detach?: true | undefined;
  readonly stateDir: string;
  readonly port?: Partial<Record<Port, number>> | undefined;
  readonly engine?: EngineName | 'auto' | undefined;
}

async function up(context: Context, options: UpOptions & { json?: true | undefined }): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  const { port: ports, engine } = options;
  const stateDir = folder(options.stateDir);
  const onProgress = (line: string) => output.note(line);
  const start = { stateDir, onProgress, ...(ports ? { ports } : {}), ...(engine ? { engine } : {}) };
  const local = await import('../../local/index.js');
  if (options.detach) {
    const stack = await local.startDetached(start);
    announce(output, stack, stateDir, stack.pid);
    output.note(`\`perennial down${stateDir === STATE_DIR ? '' : ` --state-dir '${stateDir}'`}\` stops it`);
    return;
  }
  const interrupt = new AbortController();
  const interrupted = new Promise<void>((resolve) => interrupt.signal.addEventListener('abort', () => resolve()));
  const stopListening = terminal.onInterrupt(() => interrupt.abort());
  try {
    const stack = await local.startLocal({ ...start, signal: interrupt.signal });
    announce(output, stack, stateDir, process.pid);
    output.note('Ctrl-C stops it; its state stays');
    await interrupted;
    output.note('stopping');
    await stack.stop();
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    throw new CliError('interrupted before local mode was up; what had started is stopped', undefined, {
      cause: error,
    });
  } finally {
    stopListening();
  }
}

/** `up` and `down`: local mode. */
export function localCommands(context: Context): void {
  context.program
    .command('up')
    .description('start local mode: Temporal, a local SageMaker, S3, KMS, PostgreSQL and a worker, all on this machine')
    .option('--detach', 'leave it running in the background')
    .option('--state-dir <folder>', 'where it keeps its state; commands find it only in the default place', STATE_DIR)
    .option('--port <name=number>', `port of a part (${PORTS.join(', ')}); can be given several times`, port)
    .addOption(
      new Option('--engine <name>', 'train and serve in containers of an engine, not as processes').choices([
        ...ENGINE_NAMES,
        'auto',
      ] as const),
    )
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('up', 'up --detach', 'up --engine auto', 'up --port ui=9000 --port temporal=0'))
    .action((options) => up(context, options));

  context.program
    .command('down')
    .description('stop local mode; its state stays for the next `up`')
    .option('--state-dir <folder>', 'the folder that `up` was given', STATE_DIR)
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('down'))
    .action(async ({ stateDir, ...options }) => {
      const output = outputOf(context, options);
      folder(stateDir);
      const { stopLocal } = await import('../../local/index.js');
      const stopped = await stopLocal(stateDir, (line) => output.note(line));
      const left = stopped.services.length > 0 ? `; stopped what was left: ${stopped.services.join(', ')}` : '';
      output.result({ stateDir, ...stopped }, () =>
        stopped.was === 'running'
          ? `local mode in ${stateDir} is stopped${left}`
          : `local mode was not running in ${stateDir}${left}`,
      );
    });
}
