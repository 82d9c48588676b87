import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packagePath } from '../../local/paths.js';

interface Service {
  readonly image?: string;
  readonly build?: { readonly target: string };
  readonly ports?: readonly string[];
  readonly volumes?: readonly (string | { readonly type: string; readonly source: string })[];
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly restart?: string;
  readonly profiles?: readonly string[];
  readonly depends_on?: object;
}

const text = await readFile(packagePath('docker-compose.yml'), 'utf8');
const file = parse(text, { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(file.services);
const isJob = (service: Service) => service.restart === 'no';
/** With the defaults in place of the variables. */
const plain = (value: string) => value.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1');

describe('docker-compose.yml', () => {
  it.each(services)('%s is published on loopback alone, if at all', (_, { ports = [] }) => {
    for (const port of ports) expect(plain(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it.each(services)('%s has an image that is pinned, or is built from here', (_, { image, build }) => {
    if (build) expect(['worker', 'local']).toContain(build.target);
    else expect(plain(image ?? '')).toMatch(/^(perennial-local|[a-z.]+\/[\w./-]+:v?\d+\.\d+(\.\d+)?)$/);
  });

  it.each(services.filter(([name, service]) => name !== 'perennial' && !isJob(service)))(
    '%s is asked whether it is healthy, and starts again when it dies',
    (_, { healthcheck, restart }) => {
      expect(healthcheck?.test[0]).toBe('CMD');
      expect(restart).toBe('unless-stopped');
    },
  );

  it.each(services)('%s keeps what it keeps in named volumes', (_, { volumes = [] }) => {
    for (const volume of volumes) {
      const source = typeof volume === 'string' ? plain(volume).split(':')[0] : plain(volume.source);
      expect(['./compose', '.', '/var/run/docker.sock', ...Object.keys(file.volumes)]).toContain(source);
    }
  });

  it.each(services.filter(([, { profiles }]) => !profiles?.includes('local')))(
    '%s gets no secret that stands in the file: passwords are made at the first start and read from files',
    (_, { environment = {}, entrypoint = [], command = [] }) => {
      for (const [name, value] of Object.entries(environment))
        if (/PASS|PWD|SECRET|TOKEN|ACCESS_KEY|DATABASE_URL/.test(name) && value !== null)
          expect(String(value), name).toMatch(/^(file:)?\/run\/perennial\//);
      for (const [, value = ''] of [...entrypoint, ...command].join(' ').matchAll(/(?:PWD|KEY|SECRET)=(\S+)/g))
        expect(value).toBe('$$(cat');
    },
  );

  it('names every variable, port and address that a comment or the documentation tells of', async () => {
    const docs = await readFile(packagePath('docs', 'compose.md'), 'utf8');
    const told = new Set([...docs.matchAll(/\bPERENNIAL_[A-Z_]+\b/g)].map(([name]) => name));
    const used = new Set([...text.matchAll(/\$\{(PERENNIAL_[A-Z_]+):-/g)].map(([, name]) => name));
    expect([...told].filter((name) => !used.has(name))).toEqual([]);
    expect([...used].filter((name) => !told.has(name as string))).toEqual([]);
  });
});

/** Of Docker, where this machine has it; no engine need answer. */
const compose = await promisify(execFile)('docker', ['compose', 'version']).then(
  () => true,
  () => false,
);

describe.skipIf(!compose)("docker-compose.yml, read by Docker's own Compose (left out where there is none)", () => {
  const config = async (...args: string[]): Promise<string[]> => {
    const command = ['compose', '--file', packagePath('docker-compose.yml'), ...args, 'config', '--services'];
    const { stdout } = await promisify(execFile)('docker', command, {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    });
    return stdout.trim().split('\n').sort();
  };
  const of = (...profiles: string[]) =>
    services
      .flatMap(([name, one]) =>
        (one.profiles ?? profiles).some((each) => profiles.includes(each)) || !one.profiles ? [name] : [],
      )
      .sort();

  it('has the services of each profile', async () => {
    expect(await config()).toEqual(of());
    expect(await config('--profile', 'local')).toEqual(of('local'));
    expect(await config('--profile', 'local', '--profile', 'cli')).toEqual(Object.keys(file.services).sort());
  });
});
