import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { installed, type Progress } from '../../tools/install.js';
import { aborted } from './aborted.js';

/** In an image's folder: the pinned and hashed Python packages its programs need (requirements as pip reads them). */
const LOCK = 'requirements.lock';

/** What a program of an image runs with. */
export interface ImageEnvironment {
  /** Folder of the interpreter, to be first on PATH; none for an image that brings no Python packages. */
  readonly bin?: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Makes images' Python environments, each on its first use. */
export interface ImageEnvironments {
  /**
   * The environment of an image's programs. However many ask at once, it is made once, and each of them hears of it.
   * Aborting `signal` ends the wait, and the work once nobody waits. Throws Error with a sentence if it can't be made; the next call tries again.
   */
  prepare(imageDir: string, say?: Progress, signal?: AbortSignal): Promise<ImageEnvironment>;
  /** Ends what is being installed. */
  close(): Promise<void>;
}

/** An installation that goes on. It ends when nobody waits for it any more. */
interface UnderWay {
  readonly made: Promise<ImageEnvironment>;
  readonly listeners: Set<Progress>;
  readonly over: AbortController;
  waiting: number;
}

export function createImageEnvironments(log: Logger): ImageEnvironments {
  const closing = new AbortController();
  const all = new Map<string, UnderWay>();

  const start = (imageDir: string): UnderWay => {
    const listeners = new Set<Progress>();
    const over = new AbortController();
    const say = (line: string): void => {
      log.info({ image: basename(imageDir) }, line);
      for (const listener of listeners) listener(line);
    };
    const made = make(imageDir, say, AbortSignal.any([over.signal, closing.signal]));
    const current = { made: made.finally(() => all.delete(imageDir)), listeners, over, waiting: 0 };
    all.set(imageDir, current);
    return current;
  };

  return {
    async prepare(imageDir, say, signal) {
      signal?.throwIfAborted();
      let current = all.get(imageDir);
      while (current?.over.signal.aborted) {
        await current.made.catch(() => undefined);
        current = all.get(imageDir);
      }
      current ??= start(imageDir);
      current.waiting += 1;
      if (say) current.listeners.add(say);
      try {
        return await (signal ? Promise.race([current.made, aborted(signal, current.made)]) : current.made);
      } finally {
        current.waiting -= 1;
        if (say) current.listeners.delete(say);
        if (current.waiting === 0) current.over.abort();
      }
    },
    async close() {
      closing.abort();
      await Promise.allSettled([...all.values()].map(({ made }) => made));
    },
  };
}

async function make(imageDir: string, say: Progress, signal: AbortSignal): Promise<ImageEnvironment> {
  const requirements = join(imageDir, LOCK);
  if (!existsSync(requirements)) return { env: {} };
  const name = basename(imageDir);
  const doing = `Preparing the ${name} image`;
  // A line set in names the package that pip is at.
  const tell = (line: string): void => say(line.startsWith(' ') ? `${doing} (once): ${line.trim()}` : line);
  const set = await installed({ name, requirements, doing }, tell, signal);
  return { bin: dirname(set.python), env: { ...set.env } };
}
