import { rename, writeFile } from 'node:fs/promises';

/** Writes a file so that a reader, or a crash, sees the old contents or the new ones and never half of them. Readable by its owner only. */
export async function writeAtomically(file: string, contents: string): Promise<void> {
  const aside = `${file}.${process.pid}.tmp`;
  await writeFile(aside, contents, { mode: 0o600 });
  await rename(aside, file);
}
