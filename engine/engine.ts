import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { EngineError } from './errors.js';

/** Container engines whose command line is known. Both take the same words for everything that is used here. */
export const ENGINE_NAMES = ['docker', 'podman'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Hears what the command says, both streams, a line at a time. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Milliseconds after which it is given up. */
  readonly timeoutMs?: number;
}

/** Lines of a failed command's words that an error carries. */
const KEPT_LINES = 12;

/**
 * A container engine, driven by its own command line: so contexts, remote sockets and the credentials of `login` are
 * those that the person uses.
 */
export class Engine {
  constructor(
    readonly name: EngineName,
    /** What the command runs with. */
    readonly env: NodeJS.ProcessEnv = process.env,
  ) {}

  /** The same engine, whose commands get more of an environment. */
  with(env: Readonly<Record<string, string>>): Engine {
    return new Engine(this.name, { ...this.env, ...env });
  }

  /** Runs one command to its end; answers with its standard output, trimmed. Throws EngineError, or the signal's reason. */
  async run(args: readonly string[], { signal, onLine, timeoutMs }: RunOptions = {}): Promise<string> {
    signal?.throwIfAborted();
    const late = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const ends = [signal, late].filter((one) => one !== undefined);
    const child = spawn(this.name, args, {
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(ends.length > 0 ? { signal: AbortSignal.any(ends) } : {}),
    });
    const output: Buffer[] = [];
    const said: string[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    if (onLine) createInterface(child.stdout).on('line', onLine);
    createInterface(child.stderr).on('line', (line) => {
      if (line.trim() !== '' && said.push(line) > KEPT_LINES) said.shift();
      onLine?.(line);
    });
    const failure = (code: number | null, words: readonly string[], cause?: Error): EngineError =>
      new EngineError(this.name, { args, code, words, ...(late?.aborted ? { afterMs: timeoutMs } : {}) }, { cause });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (signal?.aborted) reject(signal.reason as Error);
        else
          reject(failure(null, error.code === 'ENOENT' ? [`${this.name} is not installed`] : [error.message], error));
      });
      child.once('close', resolve);
    });
    if (code !== 0) throw failure(code, said);
    return Buffer.concat(output).toString('utf8').trim();
  }

  /** True if a question about something (`image inspect`, `network inspect`) finds it; throws if the engine can't be asked. */
  async has(kind: 'image' | 'container' | 'network', name: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.run([kind, 'inspect', '--format', '{{.Id}}', name], { signal });
      return true;
    } catch (error) {
      if (error instanceof EngineError && error.isNotFound) return false;
      throw error;
    }
  }
}
