import { isAbsolute, join, relative, sep } from 'node:path';
import type { Engine } from '../../../engine/engine.js';
import { EngineError } from '../../../engine/errors.js';

/** What the engine calls a folder of this server. */
export type Locate = (folder: string) => string;

/**
 * How the engine finds what it is told to mount: by the same path on the host. A server in a container has its state
 * folder from a volume of the engine, which calls it otherwise; folders outside of it are the host's there too.
 * @throws Error that names the setting, if the engine has no such volume or does not say where it is
 */
export async function locateState(engine: Engine, stateDir: string, volume?: string): Promise<Locate> {
  if (volume === undefined) return (folder) => folder;
  const wrong = (what: string, cause?: unknown): Error =>
    new Error(`${engine.name} ${what}: SAGEMAKER_LOCAL_ENGINE_VOLUME names the volume that is mounted at ${stateDir}`, {
      cause,
    });
  const mountpoint = await engine
    .run(['volume', 'inspect', '--format', '{{.Mountpoint}}', volume])
    .catch((error: unknown) => {
      throw error instanceof EngineError && error.isNotFound ? wrong(`has no volume "${volume}"`, error) : error;
    });
  if (!isAbsolute(mountpoint)) throw wrong(`does not say where its volume "${volume}" is`);
  return (folder) => {
    const below = relative(stateDir, folder);
    return below === '..' || below.startsWith(`..${sep}`) ? folder : join(mountpoint, below);
  };
}
