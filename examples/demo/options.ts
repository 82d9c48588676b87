import { Command, CommanderError, Option } from '@commander-js/extra-typings';
import { ENGINE_NAMES, type EngineName } from '../../engine/engine.js';

export interface DemoOptions {
  /** End after the two runs. */
  readonly once: boolean;
  /** Words on stderr, one JSON object as the last line of stdout. */
  readonly json: boolean;
  readonly stateDir: string;
  /** Train and serve in its containers. */
  readonly engine?: EngineName | 'auto' | undefined;
}

/** Reads the flags; answers with the exit code instead where help was asked for (0) or a flag is wrong (2). */
export function readOptions(argv: readonly string[]): DemoOptions | number {
  const command = new Command('npm start --')
    .description(
      'Local mode, real data, two runs: trains, deploys and serves a model, then does it again with newer data under traffic.\n' +
        'Stays up until Ctrl-C; the next start goes on where this one ended.',
    )
    .option('--once', 'end after the two runs', false)
    .option('--json', 'print one JSON object as the last line, and words for people on stderr', false)
    .option('--state-dir <folder>', 'where everything is kept', '.perennial')
    .addOption(
      new Option('--engine <name>', 'train and serve in containers of an engine, not as processes').choices([
        ...ENGINE_NAMES,
        'auto',
      ] as const),
    )
    .addHelpText('after', '\nExamples:\n  $ npm start\n  $ npm start -- --once --json')
    .allowExcessArguments(false)
    .showHelpAfterError('(npm start -- --help shows the flags)')
    .exitOverride();
  try {
    const options = command.parse([...argv], { from: 'user' }).opts();
    // A shell variable that is not set makes an empty name, which would stand for the working folder itself.
    if (options.stateDir === '') command.error('error: --state-dir needs a folder');
    return options;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}
