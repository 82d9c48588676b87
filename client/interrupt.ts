import { CliError, EXIT } from './errors.js';
import type { Terminal } from './terminal.js';

/** Ctrl-C, or a supervisor's signal, ended a command before its work was done. */
export class Interrupted extends CliError {
  constructor(
    message = 'interrupted',
    /** Whether a worker goes on with what was asked, which then removes what it was given itself. */
    readonly goesOn = false,
  ) {
    super(message, EXIT.interrupted);
  }
}

/**
 * Runs work that leaves something behind until it has taken it away: an interrupt comes as a signal, whose reason is an `Interrupted`. Only the
 * first: the next one ends the process.
 */
export async function untilInterrupted<T>(
  terminal: Pick<Terminal, 'onInterrupt'>,
  work: (interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupt = new AbortController();
  const stop = terminal.onInterrupt(() => {
    stop();
    interrupt.abort(new Interrupted());
  });
  try {
    return await work(interrupt.signal);
  } finally {
    stop();
  }
}
