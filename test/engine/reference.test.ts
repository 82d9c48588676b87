import { describe, expect, it } from 'vitest';
import { EngineError } from '../../engine/errors.js';
import { registryFailure } from '../../engine/registry-failure.js';
import { parseReference, parseRegistry, repositoryOf } from '../../engine/reference.js';

describe('names of images', () => {
  it('are the directory, in lower case, or what is given', () => {
    expect(repositoryOf('/models/Linear-Learner/')).toBe('linear-learner');
    expect(repositoryOf('/models/x', 'team/churn_2')).toBe('team/churn_2');
  });

  it.each([
    ['/models/my model', undefined, /directory \/models\/my model has a name that no image can have.*--name/],
    ['/models/x', 'Churn', /"Churn" is no name of an image/],
    ['/models/x', 'churn:1', /"churn:1" is no name of an image/],
    ['/models/x', 'a'.repeat(256), /at most 255 characters/],
    ['/models/x', 'ghcr.io/acme/churn', /begins with a registry, ghcr\.io/],
    ['/models/x', 'localhost/churn', /begins with a registry, localhost/],
  ])('%s as %s is refused', (directory, name, fault) => {
    expect(() => repositoryOf(directory, name)).toThrow(fault);
  });

  it('lose the registry that they have here', () => {
    const tag = '0123456789abcdef';
    expect(parseReference(`localhost/team/churn:${tag}`)).toEqual({ repository: 'team/churn', tag });
    expect(parseReference(`churn:${tag}`)).toEqual({ repository: 'churn', tag });
    expect(parseReference(`localhost:5000/a/b:${tag}`)).toEqual({ repository: 'a/b', tag });
    for (const text of ['churn', `churn@sha256:${'0'.repeat(64)}`, ':1', 'localhost:5000/churn'])
      expect(() => parseReference(text)).toThrow('give <repository>:<tag>');
  });
});

describe('registries', () => {
  it.each([
    ['ghcr.io/acme', 'ghcr.io', false],
    ['registry.gitlab.com/acme/models', 'registry.gitlab.com', false],
    ['123456789012.dkr.ecr.us-east-1.amazonaws.com', '123456789012.dkr.ecr.us-east-1.amazonaws.com', false],
    ['localhost:5000', 'localhost:5000', true],
    ['localhost', 'localhost', true],
    ['127.0.0.1:5000/a', '127.0.0.1:5000', true],
    ['[::1]:5000', '[::1]:5000', true],
    ['127.evil.example', '127.evil.example', false],
    ['10.0.0.7:5000', '10.0.0.7:5000', false],
  ])('%s is at %s', (text, host, isLoopback) => {
    expect(parseRegistry(text)).toEqual({ host, prefix: text, isLoopback });
  });

  it.each(['acme', 'https://ghcr.io', 'ghcr.io/', 'ghcr.io/Acme', 'ghcr.io acme', '--insecure', ''])(
    '"%s" is none',
    (text) => {
      expect(() => parseRegistry(text)).toThrow(`"${text}" is no registry: give host[:port][/namespace]`);
    },
  );
});

describe('what a registry refuses', () => {
  const registry = parseRegistry('ghcr.io/acme');
  const image = 'ghcr.io/acme/denied-404:0123456789abcdef';
  const failure = (words: readonly string[], afterMs?: number) =>
    registryFailure(
      { doing: 'pushed', engine: 'docker', image, registry, timeoutMs: 600_000 },
      new EngineError('docker', { args: ['push', image], code: 1, words, afterMs }),
    ).message;

  it.each([
    ['unauthorized: authentication required', 'ghcr.io refuses it (401 or 403). Sign in with `docker login ghcr.io`'],
    ['no basic auth credentials', 'ghcr.io refuses it'],
    ['denied: requested access to the resource is denied', 'ghcr.io refuses it'],
    ['received unexpected HTTP status: 403 Forbidden', 'ghcr.io refuses it'],
    ["name unknown: The repository with name 'x' does not exist in the registry", 'does not know the repository (404)'],
    ['error parsing HTTP 404 response body: invalid character', 'does not know the repository (404)'],
    [
      "tag invalid: The image tag '1' already exists in the 'x' repository and cannot be overwritten",
      'refuses to change a tag',
    ],
    ['http: server gave HTTP response to HTTPS client', 'ghcr.io speaks plain HTTP'],
    ['x509: certificate signed by unknown authority', 'the certificate of ghcr.io is not trusted'],
    ['dial tcp: lookup ghcr.io: no such host', 'ghcr.io does not answer'],
    ['dial tcp 1.2.3.4:443: connect: no route to host', 'ghcr.io does not answer'],
    ['net/http: TLS handshake timeout', 'ghcr.io does not answer'],
  ])('as "%s" is said with image, registry and what to do', (words, expected) => {
    const message = failure([words]);
    expect(message).toContain(`image ${image} cannot be pushed: `);
    expect(message).toContain(expected);
    expect(message).toContain(`docker said: ${words}`);
  });

  it('is not guessed from names, nor from a helper that is missing', () => {
    for (const words of [`cannot push ${image}`, 'exec: "docker-credential-x": executable file not found in $PATH'])
      expect(failure([words])).toBe(`image ${image} cannot be pushed to ghcr.io.\ndocker said: ${words}`);
  });

  it('shows an error without the progress before it', () => {
    expect(failure(['Copying blob 1', 'Error: 401', 'Copying blob 2'])).toMatch(/docker said: Error: 401$/);
  });

  it('or takes too long to answer is said with the time it had', () => {
    expect(failure(['The operation was aborted'], 600_000)).toBe(
      `image ${image} cannot be pushed: ghcr.io has not taken it within 600 s. See that it can be reached from here, or allow more time`,
    );
  });
});
