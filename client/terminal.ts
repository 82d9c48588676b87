import { Interrupted } from './interrupt.js';

/** What a command sees of the world around it; tests bring their own. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Whether a person reads what goes to `out` and `err`. */
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  readonly inIsTty: boolean;
  /** Characters a line, where `out` is a terminal that says so. */
  readonly columns?: number | undefined;
  /** Everything on standard input. */
  readAll(): Promise<string>;
  /** The same as it comes, in whatever encoding it is. */
  readBytes(): AsyncIterable<Uint8Array>;
  /**
   * Asks a question; the answer without its line end.
   * @throws Interrupted where Ctrl-C is the answer, or the signal comes
   */
  ask(question: string, interrupt?: AbortSignal): Promise<string>;
  readonly env: NodeJS.ProcessEnv;
  /** Working folder. */
  readonly cwd: string;
  /** Calls back on Ctrl-C, until the returned function is called. */
  onInterrupt(callback: () => void): () => void;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    outIsTty: process.stdout.isTTY === true,
    errIsTty: process.stderr.isTTY === true,
    inIsTty: process.stdin.isTTY === true,
    columns: process.stdout.columns,
    readAll: async () => {
      const { text } = await import('node:stream/consumers');
      return text(process.stdin);
    },
    readBytes: () => process.stdin,
    ask: async (question, interrupt) => {
      const { createInterface } = await import('node:readline/promises');
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      // At a terminal readline takes Ctrl-C for itself.
      const typed = new AbortController();
      lines.once('SIGINT', () => typed.abort());
      const signal = AbortSignal.any([typed.signal, ...(interrupt ? [interrupt] : [])]);
      try {
        return await lines.question(question, { signal });
      } catch (error) {
        throw signal.aborted ? new Interrupted() : error;
      } finally {
        lines.close();
      }
    },
    env: process.env,
    cwd: process.cwd(),
    onInterrupt: (callback) => {
      // A supervisor or container ends a program by SIGTERM, a terminal whose window is closed by SIGHUP.
      const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
      for (const signal of signals) process.on(signal, callback);
      return () => {
        for (const signal of signals) process.off(signal, callback);
      };
    },
  };
}
