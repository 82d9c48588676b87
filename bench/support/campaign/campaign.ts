import type { Draw, Measured } from '../../scenario.js';
import { round } from '../figures.js';
import { judge, playInLanes } from './in-lanes.js';
import { Lane } from './lane.js';
import { play, record, type Played, type Rules } from './play.js';
import { drawPoints, nameOf, seedOf, type Point, type RecordedCall } from './points.js';
import type { CampaignSetting } from './setting.js';

export interface Campaign extends Rules {
  /** Points played at the same time, each in a lane of its own. */
  readonly lanes: number;
  /** The points of one recorded call. */
  points(call: RecordedCall): readonly Point[];
}

/** Records the runs, plays their points (`draw` says which), and judges. */
export async function runCampaign(setting: CampaignSetting, campaign: Campaign, draw?: Draw): Promise<Measured> {
  const { say } = setting;
  const seed = seedOf(draw);
  say('recording unharmed runs …');
  const recorded = await record(setting);
  const all = recorded.calls.flatMap((call) => campaign.points(call));
  const points = drawPoints(all, { seed, count: draw?.points });
  say(`${recorded.calls.length} calls, ${all.length} points, ${points.length} of them are played with seed ${seed} …`);
  const began = Date.now();
  const played = await playInLanes(setting, points, {
    lanes: campaign.lanes,
    open: (name) => Lane.open(setting, name),
    play: (lane, point) => play(setting, lane, recorded, point, campaign),
    nameOf,
  });
  return { ...judge(points.length, played), detail: { seed, ...described(recorded.calls, all, played, began) } };
}

function described(calls: readonly RecordedCall[], all: readonly Point[], played: readonly Played[], began: number) {
  const counts: Record<string, Record<string, number>> = {};
  for (const { key, kind } of played) {
    const row = (counts[key] ??= {});
    row[kind] = (row[kind] ?? 0) + 1;
  }
  return {
    calls: calls.length,
    points: all.length,
    played: played.length,
    minutes: round((Date.now() - began) / 60_000, 1),
    slowestSeconds: Math.max(...played.map(({ seconds }) => seconds)),
    /** Runs in which an activity had to begin again. */
    withRepeatedActivity: played.filter(({ repeated }) => repeated.length > 0).length,
    typedFailures: played
      .filter(({ failureType, problems }) => failureType !== undefined && problems.length === 0)
      .map(({ point, failureType }) => ({ point, failureType })),
    warned: played.filter(({ warnings }) => warnings.length > 0).map(({ point, warnings }) => ({ point, warnings })),
    counts,
    failed: played.filter(({ problems }) => problems.length > 0),
  };
}
