import { createHash } from 'node:crypto';
import { DIGEST, type ImageName } from '../../../contracts/images.js';

/** Manifests of an image for one platform or several, by OCI and by docker. */
export const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

/** Most bytes of a manifest that a registry has to take (OCI distribution specification). */
const MOST_BYTES = 4 * 1024 * 1024;

/** Docker Hub's name in references is not that of its registry. */
const DOCKER_HUB = { name: 'docker.io', host: 'registry-1.docker.io' };

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/.test(host);

/**
 * The digest that a registry has under a tag, asked by the OCI distribution protocol as anybody may, with a token where the registry
 * hands out some. Plain HTTP on loopback alone. Throws an Error whose message says why there is none.
 */
export async function digestInRegistry(
  registry: string,
  { repository, tag = 'latest' }: ImageName,
  signal: AbortSignal,
): Promise<string> {
  const isHub = registry === DOCKER_HUB.name;
  const host = isHub ? DOCKER_HUB.host : registry;
  const name = isHub && !repository.includes('/') ? `library/${repository}` : repository;
  const url = `${isLoopback(host) ? 'http' : 'https'}://${host}/v2/${name}/manifests/${tag}`;
  const headers: Record<string, string> = { accept: MANIFEST_TYPES.join(', ') };
  let head = await ask(registry, url, { method: 'HEAD', headers, signal });
  if (head.status === 401) {
    const challenge = head.headers.get('www-authenticate') ?? '';
    headers['authorization'] = `Bearer ${await anonymousToken(registry, challenge, signal)}`;
    head = await ask(registry, url, { method: 'HEAD', headers, signal });
  }
  const refusal = refusalOf(head.status, registry, `${repository}:${tag}`);
  if (refusal !== undefined) throw new Error(refusal);
  const digest = head.headers.get('docker-content-digest') ?? '';
  if (DIGEST.test(digest)) return digest;
  // The header is optional; the digest is that of the manifest's bytes.
  const response = await ask(registry, url, { headers, signal });
  if (!response.ok) throw new Error(`${registry} answered ${response.status} for the manifest of ${repository}:${tag}`);
  return `sha256:${createHash('sha256')
    .update(await bodyOf(response, registry))
    .digest('hex')}`;
}

function refusalOf(status: number, registry: string, image: string): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 401 || status === 403) return `${registry} says it to nobody without an account (${status})`;
  if (status === 404) return `${registry} has no image ${image} (404)`;
  return `${registry} answered ${status}`;
}

async function ask(registry: string, url: string | URL, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    // What went wrong stands in the cause; fetch itself only says that it failed.
    const { cause } = error as { cause?: { code?: string; message?: string } };
    throw new Error(`${registry} does not answer: ${cause?.code ?? cause?.message ?? String(error)}`, { cause: error });
  }
}

/** Reads `Bearer realm="…",service="…",scope="…"` and gets the token that anybody gets. */
async function anonymousToken(registry: string, challenge: string, signal: AbortSignal): Promise<string> {
  const [, scheme = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(challenge) ?? [];
  const { realm, ...query } = Object.fromEntries(
    [...rest.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key?.toLowerCase(), value]),
  ) as Record<string, string>;
  const url = realm !== undefined && URL.canParse(realm) ? new URL(realm) : undefined;
  if (scheme.toLowerCase() !== 'bearer' || !url) throw new Error(refusalOf(401, registry, ''));
  if (url.protocol !== 'https:' && !(isLoopback(registry) && isLoopback(url.host)))
    throw new Error(`${registry} hands out tokens at ${url.origin}, over plain HTTP: it was not asked`);
  for (const key of ['service', 'scope']) if (query[key] !== undefined) url.searchParams.set(key, query[key]);
  const response = await ask(registry, url, { signal });
  if (!response.ok) throw new Error(refusalOf(401, registry, ''));
  const { token, access_token: access } = JSON.parse(String(await bodyOf(response, registry))) as Record<
    string,
    unknown
  >;
  const given = token ?? access;
  if (typeof given !== 'string') throw new Error(`${registry} handed out no token`);
  return given;
}

async function bodyOf(response: Response, registry: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += (chunk as Uint8Array).length;
    if (size > MOST_BYTES) throw new Error(`${registry} answered with more than ${MOST_BYTES} bytes`);
    chunks.push(Buffer.from(chunk as Uint8Array));
  }
  return Buffer.concat(chunks);
}
