import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Engine } from '../../../engine/engine.js';
import { EngineError } from '../../../engine/errors.js';
import type { ClosableSandbox, ContainerSpec, HostNetwork, RunningContainer } from '../context.js';
import { CONTRACT_PORT } from '../runtime/own-network.js';
import { createArguments } from './arguments.js';
import { removeContainer, startContainer } from './container.js';
import { createNetwork } from './networks.js';
import { takeOwnership } from './owners.js';
import { sweep, watchOver } from './sweep.js';
import { locateState } from './volume.js';

const LOOK_EVERY_MS = 50;

export interface EngineSandboxOptions {
  readonly engine: Engine;
  /** What is left of a server in the same folder is removed. */
  readonly stateDir: string;
  readonly log: Logger;
  /** A network of the engine that containers join, and in which this server reaches them itself; loopback ports without. */
  readonly network?: string | undefined;
  /** Volume of the engine that is mounted at the state folder, where this server is a container itself. */
  readonly volume?: string | undefined;
  /** Variables that stand for the execution role, for programs on `network`: nothing else leads to the emulated services. */
  readonly role?: Readonly<Record<string, string>>;
  /** GPUs are passed to containers of instance types that have some. */
  readonly gpus?: boolean;
}

/**
 * Runs images in a container engine as SageMaker does: `train` and `serve`, /opt/ml as a volume, a network of its own
 * each. Removes what an earlier life left, and has its containers removed however this one ends.
 */
export async function createEngineSandbox(options: EngineSandboxOptions): Promise<ClosableSandbox> {
  const { engine, log } = options;
  const locate = await locateState(engine, options.stateDir, options.volume);
  // As the engine calls it: servers in containers may all have their state at the same path.
  const state = createHash('sha256').update(locate(options.stateDir)).digest('hex').slice(0, 12);
  const ofState = `perennial.state=${state}`;
  const removed = await sweep(engine, ofState);
  if (removed > 0) log.warn({ removed }, 'containers or networks of an earlier life were still there; removed them');
  log.info({ engine: engine.name }, 'programs of images run in containers');
  // The watch over a life that was killed may still go on while the next one starts its own.
  const ofLife = `perennial.life=${randomBytes(6).toString('hex')}`;
  const unwatch = watchOver(engine, ofLife);
  const labels = [ofState, ofLife];
  const running = new Set<RunningContainer>();
  const newName = (what: string): string => `perennial-${state}-${what}-${randomBytes(4).toString('hex')}`;

  const openNetwork = (how: { isolated: boolean; joined?: boolean }): Promise<HostNetwork> =>
    createNetwork(engine, { ...how, name: newName('net'), labels });

  /** Network of a container that no host of a job shares, and how it is reached. */
  const networkOf = async (
    spec: ContainerSpec,
  ): Promise<{ name?: string | undefined; close?: () => Promise<void> }> => {
    if (spec.host) return { name: spec.host.network };
    if (!spec.withoutCredentials) return { name: options.network };
    if (spec.command === 'train') return { name: 'none' };
    // A server on the host is reached from nowhere, and reaches every network.
    return openNetwork({ isolated: true, joined: options.network !== undefined });
  };

  const placed = ({ optMl, modelDir, mounts = [], ...spec }: ContainerSpec): ContainerSpec => ({
    ...spec,
    optMl: locate(optMl),
    ...(modelDir === undefined ? {} : { modelDir: locate(modelDir) }),
    mounts: mounts.map((mount) => ({ ...mount, folder: locate(mount.folder) })),
  });

  return {
    ownNetworks: true,
    openNetwork,
    async start(spec) {
      const name = newName(spec.command);
      const network = await networkOf(spec);
      const publish = spec.command === 'serve' && network.name === undefined;
      const given = spec.withoutCredentials || options.network === undefined ? {} : options.role;
      const { args, env } = createArguments(
        spec.image,
        { ...placed(spec), env: { ...given, ...spec.env } },
        { engine: engine.name, name, labels, network: network.name, publish, gpus: options.gpus === true },
      );
      try {
        await engine.with(env).run(args);
        // Hosts of a job are in its network; what the role's variables name is in this one.
        if (spec.host && !spec.withoutCredentials && options.network !== undefined)
          await engine.run(['network', 'connect', options.network, name]);
        const container = await startContainer(engine, name, {
          output: {
            logFile: spec.logFile,
            onLogLost: (err) => log.warn({ err, logFile: spec.logFile }, "a program's output is lost"),
            onLine: spec.onLine,
          },
          cleanUp: async () => {
            running.delete(container);
            const steps: [string, () => Promise<void> | undefined][] = [
              // The attached command may have ended without its container: the engine went away, or somebody killed it.
              ['its container is still there', () => removeContainer(engine, name)],
              ['its network is still there', () => network.close?.()],
              [
                'what it wrote still belongs to the user it ran as',
                () => takeOwnership(engine, spec.optMl, { image: spec.image, labels, locate }),
              ],
            ];
            for (const [fault, step] of steps)
              await step()?.catch((err: unknown) =>
                log.warn({ err, container: name }, 'a program has ended, but %s', fault),
              );
          },
        });
        running.add(container);
        if (spec.command === 'train') return container;
        const url = await addressOf(engine, name, publish, container);
        return url === undefined ? container : { ...container, url };
      } catch (error) {
        await removeContainer(engine, name);
        await network.close?.();
        throw error;
      }
    },
    async close() {
      await Promise.all([...running].map((container) => container.stop(0)));
      await sweep(engine, ofLife);
      unwatch();
    },
  };
}

/** Where a container's port is reached, once it runs; undefined if it ended before. */
async function addressOf(
  engine: Engine,
  name: string,
  published: boolean,
  container: RunningContainer,
): Promise<string | undefined> {
  let over = false;
  void container.exited.then(() => (over = true));
  const ask = published
    ? ['port', name, `${CONTRACT_PORT}/tcp`]
    : ['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}', name];
  while (!over) {
    const answer = await engine.run(ask).catch((error: unknown) => {
      if (error instanceof EngineError) return '';
      throw error;
    });
    const [first = ''] = answer.split(/\s+/);
    if (first !== '') return `http://${published ? first : `${first}:${CONTRACT_PORT}`}`;
    await sleep(LOOK_EVERY_MS);
  }
  return undefined;
}
