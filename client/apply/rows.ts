import type { Client, ScheduleDescription } from '@temporalio/client';
import type { ModelTriggers } from '../../contracts/triggers.js';
import { closest } from '../definition/schema.js';
import { usageError } from '../errors.js';
import { scheduled } from '../models.js';
import { clockOf, findSchedule, kindOf, RECONCILE, retentionOf, subjectOf, type ScheduleKind } from './schedule.js';
import { describeTriggers, eventTriggers, findEventTriggers } from './triggers.js';

const NEXT_TIMES = 3;

/** One line of `schedule list`. */
export interface Row {
  /** What it starts. */
  readonly kind: ScheduleKind;
  /** Its name; of other schedules `<model>/<transform>`, `<model>/retention`, `storage/reconcile`. */
  readonly model: string;
  readonly cron?: string;
  readonly timeZone?: string;
  /** Events that start runs: `new data, 2 events`. */
  readonly events?: string;
  readonly state: 'active' | 'paused';
  readonly note?: string;
  readonly next: readonly string[];
  readonly last?: string;
}

/** Names of all schedules that there are. Visibility lags behind by up to a second. */
export async function subjects(client: Client): Promise<string[]> {
  const { models, transforms, retentions, reconcile } = await scheduled(client);
  const all = [...models, ...transforms.map(subjectOf), ...retentions.map(retentionOf)];
  return reconcile ? [...all, RECONCILE] : all;
}

/** What starts a model's runs by itself. */
export interface Triggers {
  readonly schedule?: ScheduleDescription | undefined;
  readonly events?: ModelTriggers | undefined;
}

export function rowOf(model: string, { schedule, events }: Triggers): Row {
  const { cron, timeZone } = (schedule && clockOf(schedule)) ?? {};
  const note = (schedule?.state.paused ? schedule.state.note : undefined) || events?.paused;
  const paused = schedule ? schedule.state.paused : events?.paused !== undefined;
  return {
    kind: schedule ? kindOf(schedule) : 'retrain',
    model,
    cron,
    timeZone,
    events: events && describeTriggers(events),
    state: paused ? 'paused' : 'active',
    note: note || schedule?.state.note || undefined,
    // A paused schedule's times pass without a run.
    next: paused ? [] : (schedule?.info.nextActionTimes ?? []).slice(0, NEXT_TIMES).map((at) => at.toISOString()),
    last: schedule?.info.recentActions.at(-1)?.takenAt.toISOString(),
  };
}

async function findTriggers(client: Client, model: string): Promise<Triggers> {
  const [schedule, events] = await Promise.all([findSchedule(client, model), findEventTriggers(client, model)]);
  return { schedule, events };
}

/** What starts a model's runs, or an error that names what has something. `kind`: a schedule, or events as well. */
export async function requireTriggers(client: Client, model: string, kind: 'schedule' | 'any'): Promise<Triggers> {
  const found = await findTriggers(client, model);
  if (found.schedule || (kind === 'any' && found.events)) return found;
  const known = new Set(await subjects(client));
  if (kind === 'any') for (const name of (await eventTriggers(client)).keys()) known.add(name);
  const names = [...known].sort();
  const near = closest(model, names);
  const [what, keys] =
    kind === 'any'
      ? ['schedule and no event that starts runs', 'triggers of the definition']
      : ['schedule', 'triggers.schedule of the definition'];
  const hint = near ? ` Did you mean ${near}?` : names.length > 0 ? ` There is one for: ${names.join(', ')}.` : '';
  throw usageError(`no ${what} for "${model}".${hint} It comes from ${keys} and \`perennial apply\``);
}
