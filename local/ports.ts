import { execFile } from 'node:child_process';
import getPort, { portNumbers } from 'get-port';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import type { Progress } from './tools/install.js';

/** Everything of local mode that listens, with the port it takes if nobody says otherwise. */
const defaultPorts = {
  temporal: 7233,
  ui: 8233,
  aws: 4566,
  sagemaker: 4567,
  slack: 4568,
  redshift: 4569,
  postgres: 5433,
  /** Redshift's own: where the local one speaks the PostgreSQL protocol. */
  warehouse: 5439,
  workerHealth: 9465,
  workerMetrics: 9464,
} as const;

export type PortName = keyof typeof defaultPorts;
export type Ports = Record<PortName, number>;
export const portNames = Object.keys(defaultPorts) as PortName[];

const HOST = '127.0.0.1';

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

/** Below those that systems give to outgoing connections: one of these could be lost again before its service listens. */
const FREE_PORTS = { from: 20_000, to: 32_000 } as const;

/** So many ports are a process's own to look at first; a start needs a dozen. */
const OWN_PORTS = 16;

let asked = 0;

/**
 * A free port. Between this and the moment that its service listens it may be chosen again; so each process looks elsewhere first, by its pid:
 * those that start at the same moment have neighbouring ones. And each time it looks further on.
 */
export function freePort(exclude: readonly number[] = []): Promise<number> {
  const first = FREE_PORTS.from + ((process.pid * OWN_PORTS + asked) % (FREE_PORTS.to - FREE_PORTS.from));
  asked += 1;
  return getPort({ host: HOST, port: portNumbers(first, FREE_PORTS.to), exclude: [...exclude] });
}

/** Who listens on a port, as far as this user may see it. */
async function holder(port: number): Promise<string> {
  const { stdout } = await promisify(execFile)('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']).catch(() => ({
    stdout: '',
  }));
  const pid = /^p(\d+)$/m.exec(stdout)?.[1];
  const command = /^c(.+)$/m.exec(stdout)?.[1];
  return pid === undefined ? 'another program' : `${command} (process ${pid})`;
}

/**
 * Chooses the ports: what was asked for, else those of the last time, else the usual ones, else free ones with a notice.
 * @throws Error with a sentence if a port that was asked for is taken
 */
export async function choosePorts(
  asked: Partial<Ports>,
  last: Partial<Ports>,
  needed: readonly PortName[],
  say: Progress,
): Promise<Partial<Ports>> {
  const chosen: Partial<Ports> = {};
  const used = new Set<number>();
  const take = (name: PortName, port: number) => {
    chosen[name] = port;
    used.add(port);
  };
  for (const name of needed) {
    const port = asked[name];
    if (port === undefined || port === 0) continue;
    if (used.has(port))
      throw new Error(`Port ${port} was asked for twice, once for "${name}". Give every part a port of its own.`);
    if (!(await isFree(port))) {
      throw new Error(
        `Port ${port}, asked for as "${name}", is taken by ${await holder(port)}. Stop that, or ask for another port, or for none.`,
      );
    }
    take(name, port);
  }
  for (const name of needed) {
    if (chosen[name] !== undefined) continue;
    const wanted = asked[name] === 0 ? undefined : (last[name] ?? defaultPorts[name]);
    if (wanted !== undefined && !used.has(wanted) && (await isFree(wanted))) {
      take(name, wanted);
      continue;
    }
    const free = await freePort([...used]);
    if (wanted !== undefined)
      say(
        `Port ${wanted} ("${name}") is taken by ${used.has(wanted) ? 'another part' : await holder(wanted)}; using ${free}.`,
      );
    take(name, free);
  }
  return chosen;
}
