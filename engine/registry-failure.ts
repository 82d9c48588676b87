import { ImageError, type EngineError } from './errors.js';
import type { Registry } from './reference.js';

type Doing = 'pushed' | 'pulled';

interface Hints {
  readonly doing: Doing;
  readonly host: string;
  /** The engine's command that signs in. */
  readonly login: string;
}

/** What engines pass on of a registry that refuses: a status, the protocol's code, or words. The first that fits counts. */
const KINDS: readonly { readonly words: RegExp; readonly says: (hints: Hints) => string }[] = [
  {
    words: /\b40[13]\b|unauthorized|authentication required|no basic auth credentials|denied|forbidden/i,
    says: ({ doing, host, login }) =>
      `${host} refuses it (401 or 403). Sign in with \`${login} ${host}\`, as somebody or with a token that may ${doing === 'pushed' ? 'write' : 'read'} there, and see that the repository is there and named right`,
  },
  {
    words: /\b404\b|name.unknown|manifest.unknown|repository .*does not exist/i,
    says: ({ doing, host }) =>
      doing === 'pushed'
        ? `${host} does not know the repository (404). Create it, as ECR and some others want it, or correct registry and namespace`
        : `${host} does not have it (404). Push it there, or correct its name and tag`,
  },
  {
    words: /immutable|tag.invalid|tag .*already exists/i,
    says: ({ host }) =>
      `${host} refuses to change a tag that it has. The tag says what the image was built from: what is there is of the same content, and a definition can name it`,
  },
  {
    words: /server gave HTTP response to HTTPS client/i,
    says: ({ host }) =>
      `${host} speaks plain HTTP, which only a registry on this machine may. Give it TLS, or declare it insecure in the engine's settings`,
  },
  {
    words: /x509|certificate/i,
    says: ({ host }) => `the certificate of ${host} is not trusted. Give the engine its authority`,
  },
  {
    words:
      /no such host|connection refused|no route to host|network is unreachable|timeout|timed out|deadline exceeded|connection reset|\bEOF\b|\b50[234]\b|name resolution/i,
    says: ({ host }) =>
      `${host} does not answer. See that name and port are right and that it can be reached from here`,
  },
];

/** Lines of an engine's words where none of them says that it is the error. */
const LAST_LINES = 4;

interface Failed {
  readonly doing: Doing;
  readonly engine: string;
  /** The image as it is called there. */
  readonly image: string;
  readonly registry: Registry;
  /** How long it was given. */
  readonly timeoutMs: number;
}

/** A failed push or pull as one message that names image and registry and says what to do; the engine's own words end it. */
export function registryFailure(failed: Failed, error: EngineError): ImageError {
  const { doing, engine, image, registry, timeoutMs } = failed;
  const { host, isLoopback } = registry;
  const start = `image ${image} cannot be ${doing}`;
  const options = { cause: error };
  if (error.isLate)
    return new ImageError(
      `${start}: ${host} has not ${doing === 'pushed' ? 'taken' : 'given'} it within ${timeoutMs / 1000} s. See that it can be reached from here, or allow more time`,
      options,
    );
  const errors = error.words.filter((line) => /^error/i.test(line));
  const said = (errors.length > 0 ? errors : error.words.slice(-LAST_LINES)).join('\n');
  // Names are the person's, who may call a model "denied".
  const [name = image] = image.split(/[:@](?=[^/]*$)/);
  const bare = said
    .replaceAll(name, '')
    .replaceAll(name.slice(host.length + 1), '')
    .replaceAll(host, '');
  const login = `${engine} login${engine === 'podman' && isLoopback ? ' --tls-verify=false' : ''}`;
  const why = KINDS.find(({ words }) => words.test(bare))?.says({ doing, host, login });
  const what = why === undefined ? ` ${doing === 'pushed' ? 'to' : 'from'} ${host}` : `: ${why}`;
  return new ImageError(`${start}${what}.${said === '' ? '' : `\n${engine} said: ${said}`}`, options);
}
