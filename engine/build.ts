import { resolve } from 'node:path';
import { contentTag, DOCKERFILE, ignoreFileOf, type BuildSettings } from './content.js';
import { Engine } from './engine.js';
import { EngineError, ImageError, ImageRequestError } from './errors.js';
import { repositoryOf } from './reference.js';

export interface BuildOptions extends BuildSettings {
  /** Repository; without it the directory's name. */
  readonly name?: string | undefined;
  /** Hears what the build says, a line at a time. */
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface BuiltImage {
  /** `<repository>:<content tag>`, as the engine's own commands take it. */
  readonly reference: string;
  /** The image's id, `sha256:…`. */
  readonly id: string;
  /** False if the engine had it already. */
  readonly built: boolean;
}

/** Lines of a failed build that its error carries. */
const KEPT_LINES = 12;
const ARGUMENT = /^[A-Za-z_]\w*$/;

/**
 * Builds a directory's image, unless the engine has one of the same content: the tag says what it was built from.
 * @throws {ImageRequestError} if directory, name or a build argument can't be
 * @throws {ImageError} if the build fails, with the engine's last words
 */
export async function buildImage(engine: Engine, directory: string, options: BuildOptions = {}): Promise<BuiltImage> {
  const { name, buildArgs = {}, platform, signal } = options;
  const wrong = Object.keys(buildArgs).find((key) => !ARGUMENT.test(key));
  if (wrong !== undefined)
    throw new ImageRequestError(`"${wrong}" is no name of a build argument: letters, digits and "_"`);
  const repository = repositoryOf(directory, name);
  const tag = await contentTag(directory, buildArgs, platform);
  // Podman gives an image without a registry this one, and finds it by it alone whatever registries it searches.
  const reference = `${engine.name === 'podman' ? 'localhost/' : ''}${repository}:${tag}`;
  const built = !(await engine.has('image', reference, signal));
  if (built) await build(engine, resolve(directory), reference, options);
  return { reference, id: await idOf(engine, directory, reference, signal), built };
}

async function build(engine: Engine, directory: string, reference: string, options: BuildOptions): Promise<void> {
  const { buildArgs = {}, platform, onLine, signal } = options;
  const ignoreFile = engine.name === 'podman' ? await ignoreFileOf(directory) : undefined;
  const args = [
    'build',
    ...['--tag', reference],
    ...['--file', resolve(directory, DOCKERFILE)],
    // Docker finds it by itself; podman would prefer files that docker doesn't know.
    ...(ignoreFile === undefined ? [] : ['--ignorefile', ignoreFile]),
    ...Object.entries(buildArgs).flatMap(([key, value]) => ['--build-arg', `${key}=${value}`]),
    ...(platform === undefined ? [] : ['--platform', platform]),
    directory,
  ];
  // SageMaker takes an image, not an index of one with attestations, which docker makes by default.
  const builder = new Engine(engine.name, { ...engine.env, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' });
  const said: string[] = [];
  const hear = (line: string): void => {
    if (line.trim() !== '' && said.push(line) > KEPT_LINES) said.shift();
    onLine?.(line);
  };
  try {
    await builder.run(args, { signal, onLine: hear });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // What a program of the build wrote comes on either stream.
    const words = said.length > 0 ? said : error.words;
    throw new ImageError(`${engine.name} cannot build the image of ${directory}: ${words.join('\n')}`, {
      cause: error,
    });
  }
}

async function idOf(engine: Engine, directory: string, reference: string, signal?: AbortSignal): Promise<string> {
  try {
    const id = await engine.run(['image', 'inspect', '--format', '{{.Id}}', reference], { signal });
    return id.startsWith('sha256:') ? id : `sha256:${id}`;
  } catch (error) {
    if (!(error instanceof EngineError && error.isNotFound)) throw error;
    throw new ImageError(
      `${engine.name} has built the image of ${directory} but does not keep it as ${reference}: its builder does not load what it builds; \`docker buildx use default\` takes one that does`,
      { cause: error },
    );
  }
}
