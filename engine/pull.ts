import type { Engine } from './engine.js';
import { EngineError } from './errors.js';
import type { PushOptions } from './push.js';
import type { Registry } from './reference.js';
import { registryFailure } from './registry-failure.js';

const PULL_TIMEOUT_MS = 30 * 60_000;

/**
 * Pulls an image of a registry, with the credentials that the engine's own `login` has stored.
 * @throws {ImageError} naming image and registry, if the registry refuses, lacks it or does not answer
 */
export async function pullImage(
  engine: Engine,
  image: string,
  registry: Registry,
  { timeoutMs = PULL_TIMEOUT_MS, ...options }: PushOptions = {},
): Promise<void> {
  // Docker takes a registry on loopback without TLS by itself.
  const plain = engine.name === 'podman' && registry.isLoopback ? ['--tls-verify=false'] : [];
  try {
    await engine.run(['pull', '--quiet', ...plain, image], { ...options, timeoutMs });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw registryFailure({ doing: 'pulled', engine: engine.name, image, registry, timeoutMs }, error);
  }
}
