import { pathToFileURL } from 'node:url';
import { packagePath } from '../paths.js';

export interface Python {
  /** Absolute path of the interpreter. */
  readonly program: string;
  /** `3.12` */
  readonly version: string;
}

/**
 * The Python that the tools are installed with (`PERENNIAL_PYTHON`, else from PATH).
 * @throws Error with a sentence that says what was looked at and what to do
 */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<Python> {
  // The one implementation is the bootstrap's, which runs before anything is compiled.
  const bootstrap = (await import(pathToFileURL(packagePath('bin', 'prerequisites.mjs')).href)) as {
    findPython(env: NodeJS.ProcessEnv): Promise<Python>;
  };
  return bootstrap.findPython(env);
}
