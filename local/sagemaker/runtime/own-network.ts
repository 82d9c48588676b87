import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The port that the platform's contract names; some programs listen on no other. */
export const CONTRACT_PORT = 8080;

/**
 * Runs beside the program, inside its network namespace: carries connections from a socket file, which both sides
 * see, to the program's port. It outlives SIGTERM so that requests in flight are answered; the namespace's end ends it.
 */
export const RELAY = `
const { connect, createServer } = require("node:net");
process.on("SIGTERM", () => {});
createServer((outside) => {
  const inside = connect(${CONTRACT_PORT}, "127.0.0.1");
  const end = () => { inside.destroy(); outside.destroy(); };
  outside.on("error", end).on("close", end).pipe(inside);
  inside.on("error", end).on("close", end).pipe(outside);
}).listen(process.argv[1]);
`;

/** A port of ours that leads into a program's own network. */
export interface Gateway {
  /** Socket file of the relay inside. */
  readonly socket: string;
  close(): Promise<void>;
}

/** Opens `port` on loopback. Connections fail until the relay inside listens, as those to a starting program do. */
export async function openGateway(port: number): Promise<Gateway> {
  // Not in the state folder: the path of a socket file may have 107 characters at most.
  const dir = await mkdtemp(join(tmpdir(), 'sagemaker-net-'));
  const socket = join(dir, 'relay');
  const server = createServer((outside) => {
    const inside = connect(socket);
    const end = (): void => {
      inside.destroy();
      outside.destroy();
    };
    outside.on('error', end).on('close', end).pipe(inside);
    inside.on('error', end).on('close', end).pipe(outside);
  });
  await listen(server, port);
  return {
    socket,
    async close() {
      server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/**
 * True if a program of the process group listens on the contract's port of the host's network (Linux; elsewhere it is
 * not known, and the answer is no).
 */
export function listensOnContractPort(group: number): boolean {
  if (process.platform !== 'linux') return false;
  const sockets = listeners(CONTRACT_PORT);
  if (sockets.size === 0) return false;
  return readdirSync('/proc').some(
    (pid) => /^\d+$/.test(pid) && groupOf(pid) === group && openSockets(pid).some((inode) => sockets.has(inode)),
  );
}

/** True if anything on this machine listens on the contract's port. */
export function contractPortTaken(): boolean {
  return process.platform === 'linux' && listeners(CONTRACT_PORT).size > 0;
}

/** Inodes of the sockets that listen on a port. */
function listeners(port: number): Set<string> {
  const LISTEN = '0A';
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => read(file).split('\n').slice(1));
  const columns = rows.map((row) => row.trim().split(/\s+/));
  const found = columns.filter((column) => column[1]?.endsWith(suffix) && column[3] === LISTEN);
  return new Set(found.map((column) => String(column[9])));
}

function groupOf(pid: string): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[2]);
}

function openSockets(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    // The process, or a descriptor of it, is gone by now: it listens on nothing.
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // A process that ended, or a kernel without IPv6.
    return '';
  }
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}
