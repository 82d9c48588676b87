interface Command {
  readonly args: readonly string[];
  /** Its exit code; null if it was not started or not waited for. */
  readonly code: number | null;
  /** The last lines of what it said. */
  readonly words: readonly string[];
  /** Milliseconds after which it was given up. */
  readonly afterMs?: number | undefined;
}

/** A command of a container engine that failed. */
export class EngineError extends Error {
  readonly words: readonly string[];
  readonly code: number | null;
  readonly isLate: boolean;

  constructor(engine: string, { args, code, words, afterMs }: Command, options?: ErrorOptions) {
    const what = `${engine} ${args.slice(0, args[1]?.startsWith('-') ? 1 : 2).join(' ')}`;
    const how = afterMs === undefined ? 'failed' : `did not answer within ${afterMs / 1000} s`;
    super(`${what} ${how}${words.length > 0 ? `: ${words.join('\n')}` : ''}`, options);
    this.name = 'EngineError';
    this.code = code;
    this.words = words;
    this.isLate = afterMs !== undefined;
  }

  /** What it was asked about is not there. */
  get isNotFound(): boolean {
    return this.words.some((line) =>
      /no such (image|container|network|object|volume)|network not found|image not known|not found$/i.test(line),
    );
  }
}

/** What was asked for an image can't be: a name, a directory, a registry. The caller's to correct. */
export class ImageRequestError extends Error {
  override readonly name = 'ImageRequestError';
}

/** An image that could not be built or pushed. The message names it, and what to do. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
}
