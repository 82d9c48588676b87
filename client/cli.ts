import { Command, CommanderError } from '@commander-js/extra-typings';
import { applyCommand } from './commands/apply.js';
import { auditCommand } from './commands/audit.js';
import { cancelCommand } from './commands/cancel.js';
import type { Context } from './commands/command.js';
import { decideCommands } from './commands/decide.js';
import { compareCommand } from './commands/compare.js';
import { definitionCommand } from './commands/definition.js';
import { deployCommand } from './commands/deploy.js';
import { endpointCommand } from './commands/endpoint.js';
import { imageCommand } from './commands/image.js';
import { invokeCommand } from './commands/invoke.js';
import { ledgerCommand } from './commands/ledger.js';
import { lineageCommand } from './commands/lineage.js';
import { localCommands } from './commands/local.js';
import { modelsCommand } from './commands/models.js';
import { mirrorCommand } from './commands/mirror.js';
import { logsCommand } from './commands/logs.js';
import { orphansCommand } from './commands/orphans.js';
import { purgeCommand } from './commands/purge.js';
import { reportCommand } from './commands/report.js';
import { retentionCommand } from './commands/retention.js';
import { resumeCommand } from './commands/resume.js';
import { rollbackCommand } from './commands/rollback.js';
import { runCommand } from './commands/run.js';
import { runsCommand } from './commands/runs.js';
import { scheduleCommand } from './commands/schedule.js';
import { showCommand } from './commands/show.js';
import { storageCommand } from './commands/storage.js';
import { transformCommand } from './commands/transform.js';
import type { CliError } from './errors.js';
import { EXIT, explain, usageError } from './errors.js';
import { processTerminal } from './terminal.js';
import type { Terminal } from './terminal.js';
import { version } from './version.js';

const HELP = `
Exit codes:
  0  done; the run that was followed ended well
  1  the run failed, the definitions have faults, or the request was refused
  2  wrong usage, or no such model or run
  3  Temporal or its worker cannot be reached
  4  the run that was followed was cancelled
  130  Ctrl-C, before there was an answer

Temporal is found by TEMPORAL_ADDRESS and the other TEMPORAL_ variables or its configuration file; without them by
.perennial/env of the working folder, which \`perennial up\` writes. PERENNIAL_DEBUG=1 shows errors with their stack.
`;

const COMMANDS = [
  localCommands,
  definitionCommand,
  imageCommand,
  applyCommand,
  runCommand,
  runsCommand,
  showCommand,
  compareCommand,
  logsCommand,
  reportCommand,
  cancelCommand,
  decideCommands,
  resumeCommand,
  modelsCommand,
  rollbackCommand,
  deployCommand,
  orphansCommand,
  invokeCommand,
  transformCommand,
  purgeCommand,
  auditCommand,
  lineageCommand,
  endpointCommand,
  scheduleCommand,
  storageCommand,
  retentionCommand,
  mirrorCommand,
  ledgerCommand,
];

function wrongUsage({ code, message }: CommanderError): CliError {
  return usageError(code === 'commander.help' ? 'no command was given' : message.replace(/^error: /, ''));
}

/**
 * The command line.
 * @param argv the arguments, without node and the program's file
 * @returns the exit code
 */
export async function main(argv: string[], terminal: Terminal = processTerminal()): Promise<number> {
  let answered = false;
  const watched: Terminal = {
    ...terminal,
    out: (text) => {
      answered = true;
      terminal.out(text);
    },
  };
  const program = new Command('perennial')
    .description('Durable workflows that keep Amazon SageMaker models fresh, safe and forgettable.')
    .version(version(), '--version', 'print the version')
    // An option of a command that has subcommands is not taken for theirs.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .showHelpAfterError('(--help shows the usage)')
    .addHelpText('after', HELP);
  const context: Context = { terminal: watched, program, exitCode: EXIT.ok };
  for (const add of COMMANDS) add(context);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const { message, exitCode, details } = error instanceof CommanderError ? wrongUsage(error) : explain(error);
    // Wrong usage was explained by commander, with the help that belongs to it.
    if (!(error instanceof CommanderError)) terminal.err(`${message}\n`);
    // A program that asked for JSON gets some, whatever happens.
    if (argv.includes('--json') && !answered)
      terminal.out(`${JSON.stringify({ error: message, exitCode, ...details })}\n`);
    if (terminal.env['PERENNIAL_DEBUG'] && error instanceof Error) terminal.err(`${error.stack}\n`);
    return exitCode;
  }
}
