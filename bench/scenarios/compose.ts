import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { packagePath } from '../../local/paths.js';
import { ComposeProject } from '../support/compose/project.js';
import { holdings } from '../support/engine/leftovers.js';
import { round } from '../support/figures.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

export const compose: Scenario = {
  name: 'compose',
  what: "docker-compose.yml's profile `local` up from nothing, the main job through it, and down: what goes wrong or is left behind; also times and memory",
  unit: 'faults',
  limit: 0,
  bound: 'at most',
  measure,
};

const Followed = z.looseObject({ run: z.string(), outcome: z.string() });
const Shown = z.looseObject({ image: z.string(), imageDigest: z.string().optional() });
/** The day before: 10.0 °C at most, 4.4 at least, no rain, wind, and the season (examples/seattle-weather/data.ts). */
const ROW = '10.0,4.4,0.0,3.1,0.5,0.86,0.87,0.5';

async function measure(context: BenchContext): Promise<Measured> {
  const { say } = context;
  const project = await ComposeProject.create(context);
  const before = await holdings(project.engine);
  // Nothing of it is in a folder of this machine.
  const isNew = (thing: string): boolean => !before.has(thing) && !/^folder /.test(thing);
  const seconds: Record<string, number> = {};
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    say(`${what} …`);
    const started = performance.now();
    const answer = await work();
    seconds[what] = round((performance.now() - started) / 1000, 1);
    return answer;
  };
  let played: Awaited<ReturnType<typeof playMainJob>>;
  try {
    await timed('build', () => project.compose(['build'], say));
    await timed('up', () => project.up(say));
    played = await timed('main job', () => playMainJob(project, context));
    // What is kept is in its named volumes and nowhere else, and serves again.
    await timed('down', () => project.compose(['down']));
    const beside = [...(await holdings(project.engine))].filter(
      (thing) => isNew(thing) && !thing.includes(project.name),
    );
    await timed('up again', () => project.up(say));
    const degrees = await askModel(project);
    if (degrees !== played.observed.degrees) played.faults.push(`after a restart the model says ${degrees} °C`);
    played.faults.push(...beside.map((thing) => `left behind while it is down: ${thing}`));
  } finally {
    await timed('down with its volumes', () => project.remove());
  }
  const left = [...(await holdings(project.engine))].filter(isNew);
  const faults = [...played.faults, ...left.map((thing) => `left behind: ${thing}`)];
  const { memory } = played;
  return {
    figure: faults.length,
    ok: faults.length === 0,
    detail: {
      ...{ faults, seconds, mebibytes: round(sum(Object.values(memory)), 0), memory, ...played.observed },
    },
  };
}

/** Trains, deploys and asks the model, as somebody would who has just started it: by the command on this machine and the one in a container. */
async function playMainJob(project: ComposeProject, { signal, say }: BenchContext) {
  const env = { ...process.env, TEMPORAL_ADDRESS: `127.0.0.1:${project.ports.TEMPORAL}` };
  const perennial = async (...args: string[]): Promise<unknown> => {
    const command = [packagePath('bin', 'perennial.mjs'), ...args, '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, command, { env, signal });
    return JSON.parse(stdout);
  };
  const { run, outcome } = Followed.parse(await perennial('run', 'seattle-weather', '--follow'));
  say(`${run}: ${outcome}`);
  const { image, imageDigest } = Shown.parse(await perennial('show', run));
  const memory = await project.memory();
  const degrees = await askModel(project);
  const blobs = await project.compose(['exec', '-T', 'store', 'ls', '/data/registry/docker/registry/v2/blobs/sha256']);
  const slack = await fetch(`http://127.0.0.1:${project.ports.SLACK}/messages`, { signal });
  const { messages } = z.object({ messages: z.array(z.unknown()) }).parse(await slack.json());
  const containers = Object.keys(memory).includes('programs of images');

  const registry = `127.0.0.1:${project.ports.REGISTRY}/`;
  const checks: Record<string, boolean> = {
    'the run ended Deployed': outcome === 'Deployed',
    'its image is of the registry, and its digest is recorded':
      image.startsWith(registry) && imageDigest !== undefined && image.endsWith(`@${imageDigest}`),
    'the registry keeps its blobs in the store': blobs.split('\n').length > 2,
    'the model answers with a temperature': degrees > 0 && degrees < 25,
    'it serves in a container': containers,
    'Slack was told': messages.length >= 3,
  };
  return {
    faults: Object.entries(checks).flatMap(([what, holds]) => (holds ? [] : [`not so: ${what}`])),
    memory,
    observed: { run, outcome, image, degrees, slackMessages: messages.length },
  };
}

async function askModel(project: ComposeProject): Promise<number> {
  const asked = await project.compose(['run', '--rm', 'perennial', 'invoke', 'seattle-weather', '--csv', ROW]);
  return Number(/-?\d+(\.\d+)?/.exec(asked)?.[0]);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
