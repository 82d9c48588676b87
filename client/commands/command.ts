import type { Command } from '@commander-js/extra-typings';
import { Output } from '../output.js';
import type { Terminal } from '../terminal.js';

/** What the commands of one call share. */
export interface Context {
  readonly terminal: Terminal;
  readonly program: Command;
  /** Exit code of the command that ran. */
  exitCode: number;
}

export const outputOf = (context: Context, { json }: { json?: true | undefined }) =>
  new Output(context.terminal, json === true);

/** Examples as they stand at the end of a command's help. */
export const examples = (...lines: readonly string[]) =>
  `\nExamples:\n${lines.map((line) => `  $ perennial ${line}`).join('\n')}`;

export const JSON_FLAG = '--json';
export const JSON_HELP = 'print one JSON value on stdout, and words for people on stderr';
