import type { Draw, Measured } from '../../scenario.js';
import { judge, playInLanes } from '../campaign/in-lanes.js';
import { drawn, seedOf } from '../campaign/points.js';
import type { CampaignSetting } from '../campaign/setting.js';
import type { Call } from '../faults/index.js';
import { round } from '../figures.js';
import { HARDSHIPS, type Hardship } from './faults.js';
import { PurgeLane, type PurgeEnding } from './lane.js';
import { World } from './world.js';

/** How often a kill is tried whose call the purge did not make. */
const TRIES = 3;

/** A worker killed at one call of a purge. */
interface Kill {
  readonly key: string;
  readonly nth: number;
  readonly kind: 'dropped before' | 'dropped after';
}

/** One thing that befalls one purge. */
export type Plight = { readonly name: string } & ({ readonly kill: Kill } | { readonly hardship: Hardship });

export interface PlayedPlight {
  readonly plight: string;
  /** Empty where the purge ended as it should. */
  readonly problems: readonly string[];
  /** Outcomes, or types of failures, of the purge and of the one after what was hard had passed. */
  readonly ends: readonly string[];
  readonly seconds: number;
}

/** Plays what may befall a purge (`draw` says which), each on a bucket of its own, and judges by a listing of the bucket. */
export async function runPurgeCampaign(setting: CampaignSetting, lanes: number, draw?: Draw): Promise<Measured> {
  const { say } = setting;
  const seed = seedOf(draw);
  say('recording an unharmed purge …');
  const calls = await record(setting);
  const all = plights(calls);
  const chosen = drawn(all, ({ name }) => name, { seed, count: draw?.points });
  say(`${calls.length} calls, ${all.length} points, ${chosen.length} of them are played with seed ${seed} …`);
  const played = await playAll(setting, lanes, chosen);
  return {
    ...judge(chosen.length, played),
    detail: { seed, calls: calls.length, points: all.length, ...described(played) },
  };
}

/** Plays each on a bucket of its own, so many at once, each in a lane of its own. */
export function playAll(setting: CampaignSetting, lanes: number, plights: readonly Plight[]): Promise<PlayedPlight[]> {
  return playInLanes(setting, plights, {
    lanes,
    open: (name) => PurgeLane.open(setting, name),
    play: (lane, plight, name) => play(setting, lane, plight, `purge-faults-${name}`),
    nameOf: ({ name }) => name,
  });
}

const described = (played: readonly PlayedPlight[]) => ({
  played: played.length,
  slowestSeconds: round(Math.max(...played.map(({ seconds }) => seconds)), 1),
  failed: played.filter(({ problems }) => problems.length > 0),
  plights: played.map(({ plight, ends, seconds }) => ({ plight, ends, seconds: round(seconds, 1) })),
});

/** The calls of a purge that nothing befalls, by a worker that has run before. */
async function record(setting: CampaignSetting): Promise<readonly Call[]> {
  const lane = await PurgeLane.open(setting, 'record');
  try {
    for (const name of ['purge-faults-first', 'purge-faults-record']) {
      const world = await World.make(setting.s3, name);
      const problems = await problemsOf(world, await lane.purge(world));
      if (problems.length > 0) throw new Error(`An unharmed purge is not as it should be: ${problems.join('; ')}`);
    }
    return [...lane.proxy.book.calls];
  } finally {
    await lane.close();
  }
}

/** Every way in which S3 makes a purge hard. */
export const hardships = (): Plight[] => HARDSHIPS.map((hardship) => ({ name: hardship.name, hardship }));

/** Every hardship, and a kill before and after each call. Those of a queue or a pool of connections follow a clock of their own. */
export function plights(calls: readonly Call[]): Plight[] {
  const own = calls.filter(({ service, operation }) => service !== 'SQS' && operation !== 'Connect');
  return [
    ...hardships(),
    ...own.flatMap(({ key, nth }) =>
      (['dropped before', 'dropped after'] as const).map((kind) => ({
        name: `killed: ${key} #${nth}, ${kind}`,
        kill: { key, nth, kind },
      })),
    ),
  ];
}

async function play(setting: CampaignSetting, lane: PurgeLane, plight: Plight, name: string): Promise<PlayedPlight> {
  const began = Date.now();
  const ended = (problems: readonly string[], endings: readonly PurgeEnding[]): PlayedPlight => ({
    plight: plight.name,
    problems,
    ends: endings.map(({ result, failure }) => result?.outcome ?? failure?.type ?? ''),
    seconds: (Date.now() - began) / 1_000,
  });
  try {
    if ('hardship' in plight) return await suffer(setting, lane, plight.hardship, name, ended);
    for (let turn = 1; turn <= TRIES; turn += 1) {
      const world = await World.make(setting.s3, `${name}-${turn}`);
      let reached = false;
      const sprung = () => {
        if (reached) return;
        reached = true;
        lane.worker.replace();
      };
      const ending = await lane.purge(world, { ...plight.kill, times: 1, sprung });
      if (reached) return ended(await problemsOf(world, ending), [ending]);
    }
    return ended([`not reached in ${TRIES} purges`], []);
  } catch (error) {
    setting.signal.throwIfAborted();
    return ended([String(error)], []);
  }
}

/** A purge while it is hard, and, if it ended as blocked, one more when it isn't any longer. */
async function suffer(
  setting: CampaignSetting,
  lane: PurgeLane,
  { faults, arrange, blocked, lock = false }: Hardship,
  name: string,
  ended: (problems: readonly string[], endings: readonly PurgeEnding[]) => PlayedPlight,
): Promise<PlayedPlight> {
  const world = await World.make(setting.s3, name, { lock });
  const free = await arrange?.(world);
  const fault = faults?.() ?? (() => undefined);
  lane.s3.fault = (call) => (call.bucket === world.bucket ? fault(call) : undefined);
  try {
    const ending = await lane.purge(world);
    const problems = await problemsOf(world, ending, blocked);
    if (blocked === undefined) return ended(problems, [ending]);
    lane.s3.fault = () => undefined;
    await free?.();
    const resumed = await lane.purge(world);
    return ended([...problems, ...(await problemsOf(world, resumed))], [ending, resumed]);
  } finally {
    lane.s3.fault = () => undefined;
  }
}

/** How the end of a purge, and what a listing finds, differ from what they should be, in words. */
async function problemsOf(world: World, { result, failure }: PurgeEnding, blocked?: string): Promise<string[]> {
  const { left, problems, listLeft } = await world.look();
  const said = result?.outcome ?? `${failure?.type}: ${failure?.message}`;
  const wanted = blocked === undefined ? 'Purged' : 'Blocked';
  const reasons = result?.blocked.map(({ by }) => by) ?? [];
  return [
    ...problems,
    ...(said === wanted ? [] : [`ended as ${said} instead of ${wanted}`]),
    ...(blocked === undefined || reasons.includes(blocked as (typeof reasons)[number])
      ? []
      : [`blocked by ${reasons.join(', ') || 'nothing'} instead of ${blocked}`]),
    ...(said === 'Purged' && left > 0 ? [`${left} entries are left of what is said to be purged`] : []),
    ...(blocked !== undefined && left === 0 ? ['nothing is left of what is said to be blocked'] : []),
    ...(said === 'Purged' && listLeft ? ['the list of targets is still there'] : []),
    ...(result && result.outcome === 'Purged' && result.remaining.versions + result.remaining.markers > 0
      ? ['it counts something as remaining']
      : []),
  ];
}
