import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engine.js';
import { EngineError, ImageError } from './errors.js';
import { parseReference, parseRegistry, type Registry } from './reference.js';
import { registryFailure } from './registry-failure.js';

export interface PushOptions {
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which a push is given up; ten minutes without it. */
  readonly timeoutMs?: number | undefined;
}

export interface PushedImage {
  /** `<registry>/<repository>:<tag>`. */
  readonly reference: string;
  /** What the registry calls it: `sha256:…`. */
  readonly digest: string;
  /** `<registry>/<repository>@<digest>`, for a definition: nothing that is pushed later changes what it names. */
  readonly pinned: string;
}

const PUSH_TIMEOUT_MS = 10 * 60_000;
const DIGEST = /sha256:[0-9a-f]{64}/;

/**
 * Pushes an image of `buildImage` to a registry (`host[:port][/namespace]`), with the credentials that the engine's
 * own `login` has stored. A second time it finds everything there and answers the same.
 * @throws {ImageRequestError} if reference or registry can't be
 * @throws {ImageError} naming image and registry, if the registry refuses, lacks the repository or does not answer
 */
export async function pushImage(
  engine: Engine,
  reference: string,
  registry: string,
  { timeoutMs = PUSH_TIMEOUT_MS, ...options }: PushOptions = {},
): Promise<PushedImage> {
  const to = parseRegistry(registry);
  const { repository, tag } = parseReference(reference);
  const name = `${to.prefix}/${repository}`;
  const target = `${name}:${tag}`;
  try {
    await engine.run(['tag', reference, target], { signal: options.signal });
    const digest = await push(engine, target, to, { ...options, timeoutMs });
    return { reference: target, digest, pinned: `${name}@${digest}` };
  } catch (error) {
    if (error instanceof EngineError)
      throw registryFailure({ doing: 'pushed', engine: engine.name, image: target, registry: to, timeoutMs }, error);
    throw error;
  }
}

type Given = PushOptions & { readonly timeoutMs: number };

const push = (engine: Engine, target: string, registry: Registry, options: Given): Promise<string> =>
  engine.name === 'podman' ? pushByPodman(engine, target, registry, options) : pushByDocker(engine, target, options);

async function pushByPodman(engine: Engine, target: string, registry: Registry, options: Given): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-push-'));
  try {
    const file = join(folder, 'digest');
    // Docker takes a registry on loopback without TLS by itself.
    const plain = registry.isLoopback ? ['--tls-verify=false'] : [];
    await engine.run(['push', ...plain, '--digestfile', file, target], options);
    return digestIn(await readFile(file, 'utf8'), engine, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Docker says it in its last line: `<tag>: digest: sha256:… size: 1234`. */
async function pushByDocker(engine: Engine, target: string, options: Given): Promise<string> {
  const output = await engine.run(['push', target], options);
  const said = output.split('\n').findLast((line) => /\bdigest: sha256:/.test(line));
  return digestIn(said ?? '', engine, target);
}

function digestIn(text: string, engine: Engine, target: string): string {
  const digest = DIGEST.exec(text)?.[0];
  if (digest === undefined)
    throw new ImageError(`${engine.name} pushed ${target} but does not say its digest: look at it in the registry`);
  return digest;
}
