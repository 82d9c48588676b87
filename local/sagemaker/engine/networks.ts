import { hostname } from 'node:os';
import type { Engine } from '../../../engine/engine.js';
import { EngineError } from '../../../engine/errors.js';
import type { HostNetwork } from '../context.js';
import { labelled } from './arguments.js';

interface NetworkOptions {
  readonly name: string;
  readonly labels: readonly string[];
  /** Nothing outside of it is reached from it. */
  readonly isolated: boolean;
  /** This server's own container is in it too. */
  readonly joined?: boolean;
}

/** Makes a network of the engine. Throws, with nothing left, if this server is to be in it and does not get there. */
export async function createNetwork(
  engine: Engine,
  { name, labels, isolated, joined = false }: NetworkOptions,
): Promise<HostNetwork> {
  await engine.run(['network', 'create', ...(isolated ? ['--internal'] : []), ...labelled(labels), name]);
  const close = async (): Promise<void> => {
    if (joined) await emptyNetwork(engine, name);
    await engine.run(['network', 'rm', name]);
  };
  if (joined) {
    await joinNetwork(engine, name).catch(async (error: unknown) => {
      // What is left then is swept at the end.
      await close().catch(() => undefined);
      throw error;
    });
  }
  return { name, close };
}

/** Engines give a container its id as host name, and take that for the container. */
async function joinNetwork(engine: Engine, network: string): Promise<void> {
  const own = hostname();
  try {
    await engine.run(['network', 'connect', network, own]);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new Error(
      `this server can't reach a program with network isolation, as it does not get into its network. With SAGEMAKER_LOCAL_ENGINE_NETWORK it has to be a container of ${engine.name} whose host name is its id, as it is unless it is given one, and its host name is "${own}". ${cause.message}`,
      { cause },
    );
  }
}

/** Takes everything out of a network whose programs are gone: a server's container in it would keep it from being removed. */
export async function emptyNetwork(engine: Engine, network: string): Promise<void> {
  const held = await engine.run(['ps', '--all', '--quiet', '--filter', `network=${network}`]);
  for (const container of held.split(/\s+/).filter((id) => id !== ''))
    // Gone meanwhile, or left already: the network's removal tells whether anything is still in it.
    await engine.run(['network', 'disconnect', '--force', network, container]).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error;
    });
}
