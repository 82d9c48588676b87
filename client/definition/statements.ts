import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { FaultAt } from './fault.js';

/** Temporal carries a definition whole: a statement longer than this is no statement. */
const MOST_BYTES = 32_768;

/** Stands for a text that could not be read, so that what else is wrong is told with it. */
const UNREAD = '-- not read';

type Path = readonly PropertyKey[];
const mapOf = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Where a definition names files of statements. */
function places(data: unknown): { path: Path; holder: Record<string | number, unknown>; key: string | number }[] {
  const redshift = mapOf(mapOf(mapOf(data)?.['prepare'])?.['redshift']);
  if (!redshift) return [];
  const at = ['prepare', 'redshift'];
  const setup = listOf(redshift['setup']);
  return [
    ...setup.map((_, index) => ({ path: [...at, 'setup', index], holder: setup as never, key: index })),
    ...listOf(redshift['checks']).flatMap((check, index) => {
      const holder = mapOf(check);
      return holder ? [{ path: [...at, 'checks', index, 'query'], holder, key: 'query' }] : [];
    }),
    { path: [...at, 'query'], holder: redshift, key: 'query' },
  ];
}

/**
 * Puts the text of each `.sql` file that a definition names in its place, as `{ file, sql }`: what a run did is explained by its own history.
 * Paths are those from the definition's folder. Answers what could not be read.
 */
export async function readStatements(definitionFile: string, data: unknown): Promise<FaultAt[]> {
  const faults: FaultAt[] = [];
  for (const { path, holder, key } of places(data)) {
    const name = holder[key];
    if (typeof name !== 'string') continue;
    const read = await textOf(resolve(dirname(definitionFile), name));
    holder[key] = { file: name, sql: 'text' in read ? read.text : UNREAD };
    if ('why' in read)
      faults.push({
        path,
        message: `names ${name}, ${read.why}`,
        fix: 'name a .sql file, by its path from the folder of this file',
      });
  }
  return faults;
}

async function textOf(file: string): Promise<{ text: string } | { why: string }> {
  if (!file.endsWith('.sql')) return { why: 'which is no .sql file' };
  try {
    if ((await stat(file)).size > MOST_BYTES) return { why: `which is over ${MOST_BYTES / 1_024} KiB` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file)) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof TypeError) return { why: 'which is not UTF-8 text' };
    return { why: code === 'ENOENT' ? 'which is not there' : `which can't be read (${code})` };
  }
}
