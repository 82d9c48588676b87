import { basename, resolve } from 'node:path';
import { ImageRequestError } from './errors.js';

const PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const REPOSITORY = new RegExp(`^${PART}(?:/${PART})*$`);
const REGISTRY = new RegExp(String.raw`^(\[[0-9a-fA-F:]+\]|[a-zA-Z0-9.-]+)(:\d{1,5})?((?:/${PART})*)$`);
/** Longest name of a repository, by the reference grammar. */
const LONGEST = 255;

/** What comes before the first slash is a registry only if it looks like a host: the rule of docker and podman. */
const isHost = (part: string): boolean => /[.:]|^localhost$/.test(part);

/** The repository that an image of a directory has: the given name, else the directory's. Throws ImageRequestError. */
export function repositoryOf(directory: string, name?: string): string {
  const repository = name ?? basename(resolve(directory)).toLowerCase();
  const first = repository.split('/')[0] as string;
  if (repository.includes('/') && isHost(first))
    throw new ImageRequestError(
      `"${repository}" begins with a registry, ${first}: a name is a repository alone; the registry is given when the image is pushed`,
    );
  if (REPOSITORY.test(repository) && repository.length <= LONGEST) return repository;
  throw new ImageRequestError(
    name === undefined
      ? `the directory ${directory} has a name that no image can have ("${repository}"): give one with \`--name\`, of a-z and 0-9, with "-", "_", "." or "/" between`
      : `"${name}" is no name of an image: it is of a-z and 0-9, with "-", "_", "." or "/" between, at most ${LONGEST} characters`,
  );
}

export interface Registry {
  /** What `login` is given. */
  readonly host: string;
  /** Host and namespace, as a reference begins. */
  readonly prefix: string;
  /** Only this machine is asked, where plain HTTP gives nothing away. */
  readonly isLoopback: boolean;
}

/** Reads `host[:port][/namespace]`. Throws ImageRequestError. */
export function parseRegistry(text: string): Registry {
  const [, name = '', port = ''] = REGISTRY.exec(text) ?? [];
  const host = `${name}${port}`;
  if (!isHost(host))
    throw new ImageRequestError(
      `"${text}" is no registry: give host[:port][/namespace], such as ghcr.io/acme, registry.gitlab.com/acme/models, localhost:5000 or docker.io/acme`,
    );
  const isLoopback = name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name);
  return { host, prefix: text, isLoopback };
}

/** The registry that a reference begins with; undefined for one of the engine's own, `localhost/` of podman among them. */
export function registryOf(image: string): Registry | undefined {
  const [first = '', ...rest] = image.split('/');
  return rest.length > 0 && isHost(first) && first !== 'localhost' ? parseRegistry(first) : undefined;
}

export interface Reference {
  readonly repository: string;
  readonly tag: string;
}

/** Repository without its registry, and tag, of a reference that `buildImage` gave. Throws ImageRequestError. */
export function parseReference(reference: string): Reference {
  const [, whole = '', tag = ''] = /^(.+):([\w][\w.-]{0,127})$/.exec(reference) ?? [];
  const [first = '', ...rest] = whole.split('/');
  const repository = rest.length > 0 && isHost(first) ? rest.join('/') : whole;
  if (!REPOSITORY.test(repository))
    throw new ImageRequestError(`"${reference}" is no reference to an image: give <repository>:<tag>`);
  return { repository, tag };
}
