import { mkdir, rename, writeFile } from 'node:fs/promises';

/**
 * Makes the state folder if it is not there.
 * @throws Error with a sentence if that cannot be
 */
export async function makeStateDir(stateDir: string): Promise<void> {
  await mkdir(stateDir, { recursive: true }).catch((error: Error) => {
    throw new Error(
      `Local mode cannot keep its state in ${stateDir} (${error.message}). Name a folder that can be written: --state-dir.`,
      { cause: error },
    );
  });
}

/** Writes a file so that a reader, or a crash, sees the old contents or the new ones and never half of them. Readable by its owner only. */
export async function writeAtomically(file: string, contents: string): Promise<void> {
  const aside = `${file}.${process.pid}.tmp`;
  await writeFile(aside, contents, { mode: 0o600 });
  await rename(aside, file);
}
