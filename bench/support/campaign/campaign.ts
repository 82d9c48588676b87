import type { Draw, Measured } from '../../scenario.js';
import { round } from '../figures.js';
import { Lane } from './lane.js';
import { play, record, type Played, type Rules } from './play.js';
import { drawPoints, seedOf, type Point, type RecordedCall } from './points.js';
import type { CampaignSetting } from './setting.js';

export interface Campaign extends Rules {
  /** Points played at the same time, each in a lane of its own. */
  readonly lanes: number;
  /** The points of one recorded call. */
  points(call: RecordedCall): readonly Point[];
}

/** Records the runs, plays their points (`draw` says which), and judges. */
export async function runCampaign(setting: CampaignSetting, campaign: Campaign, draw?: Draw): Promise<Measured> {
  const { say, signal } = setting;
  const seed = seedOf(draw);
  say('recording unharmed runs …');
  const recorded = await record(setting);
  const all = recorded.calls.flatMap((call) => campaign.points(call));
  const points = drawPoints(all, { seed, count: draw?.points });
  say(`${recorded.calls.length} calls, ${all.length} points, ${points.length} of them are played with seed ${seed} …`);
  const waiting = [...points];
  const played: Played[] = [];
  const began = Date.now();
  const lane = async (name: string) => {
    const own = await Lane.open(setting, name);
    try {
      for (let point = waiting.shift(); point; point = waiting.shift()) {
        signal.throwIfAborted();
        const one = await play(setting, own, recorded, point, campaign);
        played.push(one);
        if (one.problems.length > 0) say(`${one.point}: ${one.problems.join('; ')}`);
        if (played.length % 10 === 0) say(`${played.length} of ${points.length} played`);
      }
    } finally {
      await own.close();
    }
  };
  const lanes = Array.from({ length: Math.min(campaign.lanes, points.length) }, (_, index) => lane(`lane${index + 1}`));
  // All of them come to rest first: what they use is closed after this.
  const failed = (await Promise.allSettled(lanes)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return { ...judge(points.length, played), detail: { seed, ...described(recorded.calls, all, played, began) } };
}

/** Good where every point was played and every run ended as it should. */
export function judge(points: number, played: readonly Played[]): Pick<Measured, 'figure' | 'ok'> {
  const figure = points - played.filter(({ problems }) => problems.length === 0).length;
  return { figure, ok: figure === 0 && points > 0 };
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
