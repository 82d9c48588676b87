import type { Definition } from '../../../contracts/definition/index.js';
import type { FaultKind } from '../faults/index.js';
import { examine, type Reference } from './examine.js';
import type { Ending } from './ending.js';
import { Lane } from './lane.js';
import { RUN_KINDS, nameOf, recordedCalls, type Point, type RecordedCall, type RunKind } from './points.js';
import type { CampaignSetting } from './setting.js';

/** How often a point is tried whose call the run did not make. */
const TRIES = 3;

export interface Recorded {
  readonly calls: readonly RecordedCall[];
  readonly references: Readonly<Record<RunKind, Reference>>;
}

/** What became of one point. */
export interface Played {
  readonly point: string;
  readonly key: string;
  readonly kind: FaultKind;
  /** Empty where the run ended as it would have. */
  readonly problems: readonly string[];
  /** Type of the failure that the run ended with, if it did. */
  readonly failureType?: string;
  readonly warnings: readonly string[];
  /** Activities that were begun more than once. */
  readonly repeated: readonly string[];
  readonly seconds: number;
}

/** Records a run of each kind, by a fresh worker and by one that has run before. */
export async function record(setting: CampaignSetting): Promise<Recorded> {
  const lane = await Lane.open(setting, 'record');
  try {
    const calls: RecordedCall[] = [];
    const references: Partial<Record<RunKind, Reference>> = {};
    // The very first worker of a database migrates it.
    await lane.model('update');
    for (const kind of RUN_KINDS) {
      const [fresh, warm] = [await recorded(setting, lane, kind, true), await recorded(setting, lane, kind, false)];
      calls.push(...recordedCalls(kind, fresh.calls, warm.calls));
      references[kind] = warm.reference;
    }
    return { calls, references: references as Record<RunKind, Reference> };
  } finally {
    await lane.close();
  }
}

async function recorded(setting: CampaignSetting, lane: Lane, kind: RunKind, fresh: boolean) {
  const definition = await lane.model(kind);
  const ending = await lane.run(definition, { fresh });
  const { calls } = lane.proxy.book;
  const { problems, warnings, reference } = await examine(setting, definition, ending, calls);
  if (problems.length + warnings.length > 0)
    throw new Error(`An unharmed run is not as it should be: ${[...problems, ...warnings].join('; ')}`);
  return { calls: [...calls], reference };
}

/** How a campaign plays a point in a lane: what it adds to the fault, and how it judges a run that failed. */
export interface Rules {
  /** Called at the moment of the fault. */
  sprung(lane: Lane): void;
  /** Whether a run may end with this failure after the fault. */
  mayFail(failure: NonNullable<Ending['failure']>, point: Point): boolean;
  /** Wraps a run of an endpoint that serves; resolves with what was lost meanwhile. */
  during?<T>(definition: Definition, run: () => Promise<T>): Promise<{ value: T; problems: readonly string[] }>;
}

/** Plays a point, again where the run did not come by its call. */
export async function play(
  setting: CampaignSetting,
  lane: Lane,
  recorded: Recorded,
  point: Point,
  rules: Rules,
): Promise<Played> {
  const began = Date.now();
  const about = { point: nameOf(point), key: point.key, kind: point.kind };
  const ended = (rest: Pick<Played, 'problems'> & Partial<Played>): Played => {
    if (rest.problems.length > 0 || rest.failureType !== undefined) lane.dropModel();
    return { ...about, warnings: [], repeated: [], ...rest, seconds: (Date.now() - began) / 1_000 };
  };
  try {
    for (let turn = 0; turn < TRIES; turn += 1) {
      const one = await once(setting, lane, recorded.references[point.run], point, rules);
      if (one) return ended(one);
    }
    return ended({ problems: [`not reached in ${TRIES} runs`] });
  } catch (error) {
    setting.signal.throwIfAborted();
    return ended({ problems: [String(error)] });
  }
}

/** Undefined where the run did not come by the point. */
async function once(setting: CampaignSetting, lane: Lane, reference: Reference, point: Point, rules: Rules) {
  const definition = await lane.model(point.run);
  let reached = false;
  const sprung = () => {
    if (reached) return;
    reached = true;
    rules.sprung(lane);
  };
  const run = () => lane.run(definition, { fresh: point.fresh, trap: { ...point, sprung } });
  const during = rules.during && point.run === 'update' ? rules.during : unwatched;
  const { value: ending, problems: lost } = await during(definition, run);
  if (!reached) return undefined;
  const { failure, repeated } = ending;
  if (failure && rules.mayFail(failure, point)) return { problems: lost, failureType: failure.type, repeated };
  const { problems, warnings } = await examine(setting, definition, ending, lane.proxy.book.calls, reference);
  return { problems: [...lost, ...problems], warnings, repeated, ...(failure && { failureType: failure.type }) };
}

async function unwatched<T>(_definition: Definition, run: () => Promise<T>) {
  return { value: await run(), problems: [] };
}
