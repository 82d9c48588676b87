import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { startTime, stopProcess } from '../processes.js';
import { type Launcher, postgresBinaries, type PostgresBinaries, postgresLauncher } from './postgres-binaries.js';
import { plainEnv, type ProcessSpec, type ServiceContext } from './service.js';

const run = promisify(execFile);
const USER = 'perennial';
const DATABASE = 'perennial';

interface Cluster {
  readonly dataDir: string;
  readonly passwordFile: string;
}

/** Says what is wrong with a data folder that PostgreSQL would only complain about. */
async function checkCluster({ dataDir, passwordFile }: Cluster, major: string): Promise<void> {
  const remedy = `Move or delete ${dataDir} and start again; \`perennial ledger rebuild\` fills a new ledger from S3.`;
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version === undefined)
    throw new Error(`${dataDir} is not a whole PostgreSQL data folder (PG_VERSION is missing). ${remedy}`);
  if (version.trim() !== major)
    throw new Error(`${dataDir} was made by PostgreSQL ${version.trim()} and this is ${major}. ${remedy}`);
  if (!existsSync(passwordFile))
    throw new Error(`The password of the database in ${dataDir} is lost (${passwordFile} is gone). ${remedy}`);
}

/** Makes the data folder under another name first: one that was interrupted is never taken for whole. */
async function initialise(
  ctx: ServiceContext,
  cluster: Cluster,
  binaries: PostgresBinaries,
  launcher: Launcher,
): Promise<void> {
  const part = `${cluster.dataDir}.part`;
  await rm(part, { recursive: true, force: true });
  await mkdir(part, { mode: 0o700 });
  const password = randomBytes(18).toString('base64url');
  await writeFile(cluster.passwordFile, password, { mode: 0o600 });
  // initdb reads the password as the user it runs as, from a folder that only that user may enter.
  const pwFile = join(part, 'password');
  await writeFile(pwFile, password, { mode: 0o600 });
  const { uid, gid } = launcher;
  if (uid !== undefined && gid !== undefined) await Promise.all([part, pwFile].map((path) => chown(path, uid, gid)));
  const target = join(part, 'data');
  const args = [
    '--pgdata',
    target,
    '--username',
    USER,
    '--pwfile',
    pwFile,
    '--auth',
    'scram-sha-256',
    '--encoding',
    'UTF8',
    '--locale',
    'C',
  ];
  const unicode = ['--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'];
  const [command = binaries.initdb, ...rest] = [
    ...launcher.prefix,
    binaries.initdb,
    ...args,
    ...unicode,
    ...(ctx.persist ? [] : ['--no-sync']),
  ];
  const options = { env: plainEnv(), cwd: '/', uid, gid, signal: ctx.signal };
  await run(command, rest, options).catch(async (error: Error & { stderr?: string }) => {
    await rm(part, { recursive: true, force: true });
    ctx.signal?.throwIfAborted();
    throw new Error(
      `PostgreSQL's data folder could not be made in ${part}: ${(error.stderr ?? error.message).trim()}`,
      { cause: error },
    );
  });
  await rename(target, cluster.dataDir);
  await rm(part, { recursive: true, force: true });
}

/** Stops a server that a killed supervisor left on this folder, or forgets the pid file of one that is gone. */
async function clearPidFile({ dataDir }: Cluster): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  const started = await startTime(pid);
  if (started !== undefined) {
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
    if (stdout.includes(dataDir)) await stopProcess({ pid, started }, 10_000, 'SIGINT');
  }
  // The pid is somebody else's by now, and PostgreSQL would refuse to start because of it.
  await rm(file, { force: true });
}

/** One connection attempt; makes the database the first time. A refusal other than "not up yet" is thrown, as waiting would not help. */
async function connects(admin: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: admin, connectionTimeoutMillis: 2_000 });
  // A server that goes away under the connection is the same "not yet" as one that is not there.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === '28P01') {
      throw new Error(
        'PostgreSQL refuses the password kept beside its data folder. Restore it, or delete both and start again.',
        { cause: error },
      );
    }
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Whether the server answers: the first message of a connection asks for TLS, and it says yes or no (PostgreSQL: message formats, SSLRequest). */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 5_000 });
    const is = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once('connect', () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    socket.once('data', () => is(true));
    socket.once('timeout', () => is(false));
    socket.once('error', () => is(false));
    socket.once('close', () => is(false));
  });
}

/**
 * A real PostgreSQL, initialised on first use with a random password.
 * @returns its process and the URL of the database
 * @throws Error with a sentence if the data folder is not whole or PostgreSQL cannot run here
 */
export async function postgresService(ctx: ServiceContext, port: number): Promise<{ spec: ProcessSpec; url: string }> {
  const cluster = { dataDir: join(ctx.dir, 'data'), passwordFile: join(ctx.dir, 'password') };
  const binaries = await postgresBinaries();
  const launcher = await postgresLauncher(binaries, ctx.dir);
  if (existsSync(cluster.dataDir)) {
    const { stdout } = await run(binaries.postgres, ['--version']);
    await checkCluster(cluster, /(\d+)\./.exec(stdout)?.[1] ?? stdout.trim());
  } else {
    await initialise(ctx, cluster, binaries, launcher);
  }
  const password = (await readFile(cluster.passwordFile, 'utf8')).trim();
  const server = `postgres://${USER}:${password}@127.0.0.1:${port}`;
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    `fsync=${ctx.persist ? 'on' : 'off'}`,
    'max_connections=100',
  ];
  const [command = binaries.postgres, ...args] = [
    ...launcher.prefix,
    binaries.postgres,
    '-D',
    cluster.dataDir,
    '-p',
    String(port),
  ];
  const spec: ProcessSpec = {
    name: 'postgres',
    command,
    args: [...args, ...settings.flatMap((setting) => ['-c', setting])],
    env: plainEnv(),
    uid: launcher.uid,
    gid: launcher.gid,
    alive: () => accepts(port),
    readyWithinMs: 30_000,
    // "Fast" shutdown: SIGTERM would wait for every client to leave.
    stopSignal: 'SIGINT',
    stopWithinMs: 15_000,
    ready: () => connects(`${server}/postgres`),
    beforeStart: () => clearPidFile(cluster),
  };
  return { spec, url: `${server}/${DATABASE}` };
}
