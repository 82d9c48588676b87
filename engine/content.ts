import ignore from '@balena/dockerignore';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ImageRequestError } from './errors.js';

/** The one file that both engines take by itself, so that an image is the same by either. */
export const DOCKERFILE = 'Dockerfile';
const IGNORE_FILE = '.dockerignore';

/** Hexadecimal digits of a tag: 64 bits, too many for two contents of one repository to meet. */
const DIGITS = 16;
const EXECUTABLE = 0o111;

export interface BuildSettings {
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Such as `linux/amd64`; without it the engine's own. */
  readonly platform?: string | undefined;
}

/** By code units: the order must not depend on a machine's language. */
const byPath = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

/**
 * The file with the patterns that a build leaves out: `Dockerfile.dockerignore` before `.dockerignore`, as docker looks
 * for them; undefined if there is neither.
 */
export async function ignoreFileOf(directory: string): Promise<string | undefined> {
  for (const name of [`${DOCKERFILE}${IGNORE_FILE}`, IGNORE_FILE]) {
    const entry = await lstat(join(directory, name)).catch(missing);
    if (entry) return join(directory, name);
  }
  return undefined;
}

const missing = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT') return undefined;
  throw error;
};

interface Ignored {
  (path: string): boolean;
  /** Whether something below a directory that is left out may be let in again. */
  readonly hasExceptions: boolean;
}

async function ignoredIn(directory: string): Promise<Ignored> {
  const file = await ignoreFileOf(directory);
  const text = file === undefined ? '' : (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  const rules = ignore.default({ ignorecase: false }).add(text);
  const hasExceptions = /^\s*!/m.test(text);
  const test = (path: string): boolean => {
    try {
      return rules.ignores(path);
    } catch (error) {
      throw new ImageRequestError(`${file}: a pattern can't be read: ${(error as Error).message}`, { cause: error });
    }
  };
  return Object.assign(test, { hasExceptions });
}

async function contentOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

type Entry = readonly [path: string, kind: 'directory' | 'file' | 'link', executable: boolean, content: string];

/** What a build reads of a directory. Neither owners nor times: a fresh checkout is the same content. */
async function* entriesOf(root: string, folder: string, ignored: Ignored): AsyncGenerator<Entry> {
  for (const name of await readdir(join(root, folder))) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const isOut = path !== DOCKERFILE && ignored(path);
    const file = join(root, path);
    const entry = await lstat(file);
    if (entry.isDirectory()) {
      if (!isOut) yield [path, 'directory', false, ''];
      if (!isOut || ignored.hasExceptions) yield* entriesOf(root, path, ignored);
    } else if (isOut) continue;
    else if (entry.isSymbolicLink()) yield [path, 'link', false, await readlink(file)];
    // Sockets and pipes are in no image, and reading one would not end.
    else if (entry.isFile()) yield [path, 'file', (entry.mode & EXECUTABLE) !== 0, await contentOf(file)];
  }
}

/**
 * A tag that says what an image was built from: the same for the same content on any machine, another as soon as a
 * path, a content, an executable bit, a link, a build argument or the platform is another. What `.dockerignore` leaves out
 * does not count; the Dockerfile always does. A base image that moved under its tag is not seen.
 * @throws {ImageRequestError} if the directory has no Dockerfile
 */
export async function contentTag(
  directory: string,
  buildArgs: Readonly<Record<string, string>> = {},
  platform?: string,
): Promise<string> {
  await requireDockerfile(directory);
  const entries: Entry[] = [];
  for await (const entry of entriesOf(directory, '', await ignoredIn(directory))) entries.push(entry);
  const hash = createHash('sha256');
  // One JSON value a line: no two contents can read alike, whatever their names hold.
  const add = (value: unknown): unknown => hash.update(`${JSON.stringify(value)}\n`);
  entries.sort(([a], [b]) => byPath(a, b)).forEach(add);
  add(Object.entries(buildArgs).sort(([a], [b]) => byPath(a, b)));
  add(platform ?? null);
  return hash.digest('hex').slice(0, DIGITS);
}

async function requireDockerfile(directory: string): Promise<void> {
  const folder = await lstat(join(directory, '.')).catch(missing);
  if (!folder) throw new ImageRequestError(`${directory} does not exist: give the directory with the Dockerfile`);
  if (!folder.isDirectory())
    throw new ImageRequestError(`${directory} is not a directory: give the directory that holds the Dockerfile`);
  const dockerfile = await lstat(join(directory, DOCKERFILE)).catch(missing);
  if (!dockerfile)
    throw new ImageRequestError(
      `${directory} has no file ${DOCKERFILE}: an image is built from one; ${await others(directory)}`,
    );
}

async function others(directory: string): Promise<string> {
  const names = (await readdir(directory)).sort(byPath).slice(0, 5);
  return names.length === 0 ? 'the directory is empty' : `it holds ${names.join(', ')}`;
}
