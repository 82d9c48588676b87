import { randomBytes, randomInt } from 'node:crypto';
import type { Engine } from '../../../engine/engine.js';
import { EngineError } from '../../../engine/errors.js';
import { findEngine } from '../../../engine/find.js';
import { packagePath } from '../../../local/paths.js';
import { freePort } from '../../../local/ports.js';
import type { BenchContext } from '../../scenario.js';

/** Everything of docker-compose.yml that is published, by the variable of its port. */
const PORTS = [
  ...['TEMPORAL', 'TEMPORAL_UI', 'STORE', 'REGISTRY', 'WORKER_HEALTH', 'AWS'],
  ...['SAGEMAKER', 'REDSHIFT', 'WAREHOUSE', 'SLACK'],
] as const;

/** A project of docker-compose.yml under a name of its own, on free ports, in a subnet of its own. */
export class ComposeProject {
  private constructor(
    readonly name: string,
    readonly engine: Engine,
    readonly ports: Readonly<Record<(typeof PORTS)[number], number>>,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws Error if docker doesn't answer, or has no Compose */
  static async create({ signal }: BenchContext): Promise<ComposeProject> {
    const name = `perennial-bench-${randomBytes(3).toString('hex')}`;
    const taken: number[] = [];
    for (const _ of PORTS) taken.push(await freePort(taken));
    const ports = Object.fromEntries(PORTS.map((port, index) => [port, taken[index]])) as ComposeProject['ports'];
    const net = `10.${randomInt(214, 250)}.${randomInt(1, 250)}`;
    const found = await findEngine('docker');
    const engine = found.with({
      COMPOSE_PROJECT_NAME: name,
      PERENNIAL_PROGRAMS_SUBNET: `${net}.0/24`,
      PERENNIAL_PROGRAMS_RANGE: `${net}.128/25`,
      PERENNIAL_AWS_ADDRESS: `${net}.2`,
      ...Object.fromEntries(PORTS.map((port) => [`PERENNIAL_${port}_PORT`, String(ports[port])])),
    });
    await engine.run(['compose', 'version'], { signal });
    return new ComposeProject(name, engine, ports, signal);
  }

  /** `docker compose --profile local …`; answers with what it prints. @throws EngineError with its last words */
  compose(args: readonly string[], onLine?: (line: string) => void): Promise<string> {
    const file = packagePath('docker-compose.yml');
    return this.engine.run(['compose', '--file', file, '--profile', 'local', '--progress', 'plain', ...args], {
      signal: this.signal,
      onLine,
    });
  }

  /** Until everything is healthy and the model is declared. */
  async up(onLine: (line: string) => void): Promise<void> {
    await this.compose(['up', '--detach', '--wait', '--wait-timeout', '300'], onLine);
  }

  /** Removes all of it, whatever became of it; not interrupted. */
  async remove(): Promise<void> {
    const file = packagePath('docker-compose.yml');
    const down = ['down', '--volumes', '--remove-orphans', '--timeout', '60'];
    await this.engine.run(['compose', '--file', file, '--profile', 'local', '--profile', 'cli', ...down]);
    // What they are built of stays in the builder's cache.
    for (const image of ['local', 'worker'])
      await this.engine.run(['image', 'rm', '--force', `${this.name}-${image}`]).catch((error: unknown) => {
        if (!(error instanceof EngineError)) throw error;
      });
  }

  /** MiB that each service's container takes, and all of the containers that programs run in. */
  async memory(): Promise<Record<string, number>> {
    const inspect = '{{.ID}} {{.Label "com.docker.compose.service"}}';
    const listed = await this.engine.run([
      ...['ps', '--format', inspect, '--filter', `label=com.docker.compose.project=${this.name}`],
    ]);
    const services = new Map(listed.split('\n').map((line) => line.split(' ') as [string, string]));
    const programs = (await this.engine.run(['ps', '--quiet', '--filter', 'label=perennial.state'])).split('\n');
    for (const id of programs) if (id !== '') services.set(id, 'programs of images');
    const stats = await this.engine.run([
      'stats',
      '--no-stream',
      '--format',
      '{{.ID}} {{.MemUsage}}',
      ...services.keys(),
    ]);
    const memory: Record<string, number> = {};
    for (const line of stats.split('\n')) {
      const [, id = '', amount = '', unit = ''] = /^(\w+) ([\d.]+)(\w+)/.exec(line) ?? [];
      const service = services.get(id) ?? id;
      memory[service] = (memory[service] ?? 0) + Number(amount) * (MIB[unit] ?? Number.NaN);
    }
    return memory;
  }
}

const MIB: Readonly<Record<string, number>> = { B: 2 ** -20, KiB: 2 ** -10, MiB: 1, GiB: 1024 };
