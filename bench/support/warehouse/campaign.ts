import type { Draw, Measured } from '../../scenario.js';
import { judge, playInLanes } from '../campaign/in-lanes.js';
import { drawn, seedOf } from '../campaign/points.js';
import type { Call, FaultKind } from '../faults/index.js';
import { round } from '../figures.js';
import { HARDSHIPS, type Hardship } from './hardships.js';
import { WarehouseLane, type RunEnding } from './lane.js';
import type { WarehouseSetting } from './setting.js';
import { problemsOf } from './verdict.js';
import { World, type Kind } from './world.js';

/** How often a call is tried that the run did not make. */
const TRIES = 3;
/** The services whose calls are of the preparation. */
const SERVICES = ['S3', 'SSM', 'KMS', 'Redshift', 'Warehouse'];

/** One call that goes wrong. */
interface Mishap {
  readonly kind: Kind;
  readonly key: string;
  readonly nth: number;
  readonly fault: Extract<FaultKind, 'dropped before' | 'dropped after'>;
  /** Whether the worker dies of it; else only the answer is lost. */
  readonly kills: boolean;
}

/** One thing that befalls one run. */
export type Plight = { readonly name: string } & ({ readonly mishap: Mishap } | { readonly hardship: Hardship });

export interface PlayedPlight {
  readonly plight: string;
  /** Empty where the run ended as it should. */
  readonly problems: readonly string[];
  readonly end: string;
  readonly seconds: number;
}

/** Plays what may befall a preparation (`draw` says which), each with a model of its own, and judges by a listing of the bucket. */
export async function runWarehouseCampaign(setting: WarehouseSetting, lanes: number, draw?: Draw): Promise<Measured> {
  const { say } = setting;
  const seed = seedOf(draw);
  say('recording unharmed runs …');
  const recorded = await record(setting);
  const all = plights(recorded);
  const chosen = drawn(all, ({ name }) => name, { seed, count: draw?.points });
  say(`${all.length} points, ${chosen.length} of them are played with seed ${seed} …`);
  const played = await playAll(setting, lanes, chosen);
  return {
    ...judge(chosen.length, played),
    detail: {
      ...{ seed, points: all.length, played: played.length },
      calls: Object.fromEntries(Object.entries(recorded).map(([kind, calls]) => [kind, calls.length])),
      slowestSeconds: round(Math.max(...played.map(({ seconds }) => seconds)), 1),
      failed: played.filter(({ problems }) => problems.length > 0),
      plights: played.map(({ plight, end, seconds }) => ({ plight, end, seconds: round(seconds, 1) })),
    },
  };
}

/** Plays each with a model of its own, so many at once, each in a lane of its own. */
export function playAll(setting: WarehouseSetting, lanes: number, chosen: readonly Plight[]): Promise<PlayedPlight[]> {
  return playInLanes(setting, chosen, {
    lanes,
    open: (name) => WarehouseLane.open(setting, name),
    play: (lane, plight, name) => play(setting, lane, plight, `wf-${name}`),
    nameOf: ({ name }) => name,
  });
}

/** Every way in which a warehouse makes it hard for a run. */
export const hardships = (): Plight[] =>
  HARDSHIPS.map((hardship) => ({ name: `${hardship.kind}: ${hardship.name}`, hardship }));

type Recorded = Readonly<Record<Kind, readonly Pick<Call, 'key' | 'nth' | 'service'>[]>>;

/** Every hardship; a kill before and after each call; and each answer of a warehouse lost, without a kill. */
export const plights = (recorded: Recorded): Plight[] => [
  ...hardships(),
  ...mishaps(recorded).flatMap((call) =>
    (['dropped before', 'dropped after'] as const).map((fault) => befalls({ ...call, fault, kills: true })),
  ),
  ...lostAnswers(recorded),
];

/** A connection to a warehouse, or its control plane, that breaks after it did what it was asked for. */
export const lostAnswers = (recorded: Recorded): Plight[] =>
  mishaps(recorded)
    .filter(({ service }) => service === 'Warehouse' || service === 'Redshift')
    .map((call) => befalls({ ...call, fault: 'dropped after', kills: false }));

const mishaps = (recorded: Recorded) =>
  (['redshift', 'postgres'] as const).flatMap((kind) => recorded[kind].map((call) => ({ ...call, kind })));

const befalls = (mishap: Mishap): Plight => ({
  name: `${mishap.kind}: ${mishap.kills ? 'killed' : 'lost answer'}: ${mishap.key} #${mishap.nth}, ${mishap.fault}`,
  mishap,
});

/** The calls with which a run of each kind prepares, by a worker that has run before. */
async function record(setting: WarehouseSetting): Promise<Record<Kind, readonly Call[]>> {
  const lane = await WarehouseLane.open(setting, 'record');
  try {
    const calls = async (kind: Kind) => {
      for (const name of [`first-${kind}`, `record-${kind}`]) {
        const world = await World.make(setting.worldParts, kind, name);
        await world.putUrl(lane.relays.postgres.address);
        const ending = await lane.run(world, world.definition(lane.access(world), {}));
        const problems = await problemsOf(setting, lane, world, ending, 'Trained');
        if (problems.length > 0) throw new Error(`An unharmed run is not as it should be: ${problems.join('; ')}`);
      }
      const { calls: made } = lane.proxy.book;
      // The last of the preparation clears the run's own folder.
      const last = made.findLastIndex(({ resource }) => resource.includes('/export/'));
      return made.slice(0, last + 1).filter(({ service }) => SERVICES.includes(service));
    };
    return { redshift: await calls('redshift'), postgres: await calls('postgres') };
  } finally {
    await lane.close();
  }
}

async function play(
  setting: WarehouseSetting,
  lane: WarehouseLane,
  plight: Plight,
  name: string,
): Promise<PlayedPlight> {
  const began = Date.now();
  const ended = (problems: readonly string[], ending?: RunEnding): PlayedPlight => ({
    plight: plight.name,
    problems,
    end: ending?.result?.outcome ?? ending?.failure?.type ?? '',
    seconds: (Date.now() - began) / 1_000,
  });
  try {
    if ('hardship' in plight) return await suffer(setting, lane, plight.hardship, name, ended);
    const { kind, key, nth, fault, kills } = plight.mishap;
    for (let turn = 1; turn <= TRIES; turn += 1) {
      const world = await World.make(setting.worldParts, kind, `${name}-${turn}`);
      await world.putUrl(lane.relays.postgres.address);
      let reached = false;
      const sprung = () => {
        if (kills && !reached) lane.worker.replace();
        reached = true;
      };
      const trap = { key, nth, kind: fault, times: 1, sprung };
      const ending = await lane.run(world, world.definition(lane.access(world), {}), trap);
      if (reached) return ended(await problemsOf(setting, lane, world, ending, 'Trained'), ending);
    }
    return ended([`not reached in ${TRIES} runs`]);
  } catch (error) {
    setting.signal.throwIfAborted();
    return ended([String(error)]);
  }
}

async function suffer(
  setting: WarehouseSetting,
  lane: WarehouseLane,
  { kind, ends, change, arrange }: Hardship,
  name: string,
  ended: (problems: readonly string[], ending: RunEnding) => PlayedPlight,
): Promise<PlayedPlight> {
  const world = await World.make(setting.worldParts, kind, name);
  await world.putUrl(lane.relays.postgres.address);
  const undo = await arrange?.({ setting, lane, world });
  try {
    const definition = world.definition(lane.access(world), change?.(world, setting) ?? {});
    const ending = await lane.run(world, definition);
    return ended(await problemsOf(setting, lane, world, ending, ends), ending);
  } finally {
    await undo?.();
  }
}
