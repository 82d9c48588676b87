import { buildImage } from '../../engine/build.js';
import type { Engine } from '../../engine/engine.js';
import { findEngine } from '../../engine/find.js';
import { packagePath } from '../../local/paths.js';
import { LABEL, playStart, type Start } from '../support/engine/worker-container.js';
import { percentile, round } from '../support/figures.js';
import { withClient, withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MOST_MEGABYTES = 250;
const MOST_SECONDS = 3;
const STARTS = 5;
const MEGABYTE = 1_000_000;
const BASE_LABEL = 'org.opencontainers.image.base.name';

export const image: Scenario = {
  name: 'image',
  what: `the worker's image over its base; also the seconds from the start of a container to its first task (at most ${MOST_SECONDS}, median of ${STARTS})`,
  unit: 'MB',
  limit: MOST_MEGABYTES,
  bound: 'at most',
  measure,
};

async function measure(context: BenchContext): Promise<Measured> {
  const { say, signal } = context;
  // A container in a virtual machine has another loopback than the services that it is to reach.
  if (process.platform !== 'linux') throw new Error('The worker is measured beside local mode: that takes Linux.');
  const engine = await findEngine('auto');
  const base = process.env['PERENNIAL_IMAGE_BASE'];
  say(`building the worker's image with ${engine.name} …`);
  const built = await buildImage(engine, packagePath(), {
    ...{ name: 'perennial-worker', onLine: say, signal },
    ...(base ? { buildArgs: { BASE: base } } : {}),
  });
  const sizes = await sizesOf(engine, built.reference, signal);
  const starts = await withStack(
    context,
    (stack) =>
      withClient(stack, (client) => play(context, () => playStart(engine, built.reference, stack, client, signal))),
    ['temporal', 'aws', 'postgres'],
  );
  const left = await engine.run(['ps', '--all', '--quiet', '--filter', `label=${LABEL}`]);
  const megabytes = (sizes.imageBytes - sizes.baseBytes) / MEGABYTE;
  const seconds =
    percentile(
      starts.map(({ firstTaskMs }) => firstTaskMs),
      0.5,
    ) / 1_000;
  return {
    figure: round(megabytes, 1),
    ok:
      megabytes < MOST_MEGABYTES &&
      seconds < MOST_SECONDS &&
      starts.every(({ exitCode }) => exitCode === 0) &&
      left === '',
    detail: {
      engine: engine.name,
      image: built.reference,
      ...sizes,
      megabytes,
      seconds,
      starts,
      left: left.split('\n').filter(Boolean),
    },
  };
}

async function play({ say }: BenchContext, start: () => Promise<Start>): Promise<Start[]> {
  const starts: Start[] = [];
  for (let number = 1; number <= STARTS; number += 1) {
    const one = await start();
    say(`start ${number}: first task after ${one.firstTaskMs} ms, ended with ${one.exitCode}`);
    starts.push(one);
  }
  return starts;
}

interface Sizes {
  readonly base: string;
  /** Of all layers, uncompressed. */
  readonly imageBytes: number;
  readonly baseBytes: number;
}

async function sizesOf(engine: Engine, reference: string, signal: AbortSignal): Promise<Sizes> {
  const inspect = (name: string, format: string) =>
    engine.run(['image', 'inspect', '--format', format, name], { signal });
  const base = await inspect(reference, `{{index .Config.Labels "${BASE_LABEL}"}}`);
  // A builder need not keep what it builds on among the engine's images.
  if (!(await engine.has('image', base, signal))) await engine.run(['pull', '--quiet', base], { signal });
  const bytes = async (name: string) => Number(await inspect(name, '{{.Size}}'));
  return { base, imageBytes: await bytes(reference), baseBytes: await bytes(base) };
}
