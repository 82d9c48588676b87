import type { Client } from '@temporalio/client';
import { MOST_OWN_REQUESTS } from '../../contracts/runs.js';
import { requireTriggers, rowOf, subjects, type Triggers } from '../apply/rows.js';
import { findSchedule, idOf } from '../apply/schedule.js';
import { eventTriggers, pauseEvents } from '../apply/triggers.js';
import { withClient } from '../connect.js';
import { formatAge, formatTime } from '../format.js';
import { backfill } from './backfill.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

type Change = 'pause' | 'resume' | 'trigger';

const CHANGES = [
  { what: 'pause', description: 'start no runs by schedule or events until resumed', done: 'paused' },
  { what: 'resume', description: 'start runs by schedule and events again', done: 'resumed' },
] as const;

async function change(
  client: Client,
  model: string,
  what: Change,
  note: string | undefined,
  { schedule, events }: Triggers,
): Promise<void> {
  const handle = client.schedule.getHandle(idOf(model));
  switch (what) {
    case 'pause': {
      const why = note ?? 'paused by perennial schedule pause';
      // Events first: if this fails half-way, the schedule shows that nothing is paused yet.
      if (events) await pauseEvents(client, model, why);
      if (schedule) await handle.pause(why);
      return;
    }
    case 'resume':
      if (events) await pauseEvents(client, model, undefined);
      if (schedule) await handle.unpause(note ?? 'resumed by perennial schedule resume');
      return;
    case 'trigger':
      return handle.trigger();
  }
}

/** `schedule list|pause|resume|trigger|backfill`. */
export function scheduleCommand(context: Context): void {
  const { program, terminal } = context;
  const schedule = program
    .command('schedule')
    .description('the schedules of models, their transforms and retentions, and of reconcile');

  schedule
    .command('list')
    .description('list schedules with their next times')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('schedule list', 'schedule list --json'))
    .action(async (options) => {
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const [clocks, byEvent] = await Promise.all([subjects(client), eventTriggers(client)]);
        const models = [...new Set([...clocks, ...byEvent.keys()])].sort();
        const found = await Promise.all(
          models.map(async (model) => ({
            model,
            schedule: await findSchedule(client, model),
            events: byEvent.get(model),
          })),
        );
        const rows = found.flatMap(({ model, schedule, events }) =>
          schedule || events ? [rowOf(model, { schedule, events })] : [],
        );
        output.result(rows, () =>
          rows.length === 0
            ? 'no schedules, and no events that start runs'
            : output.table(
                ['MODEL', 'KIND', 'CRON', 'TIME ZONE', 'EVENTS', 'STATE', 'LAST', 'NEXT'],
                rows.map(({ model, kind, cron = '', timeZone = '', events = '', state, note, last, next: [next] }) => [
                  model,
                  kind,
                  cron,
                  timeZone,
                  events,
                  output.outcome(state),
                  last ? formatAge(last) : cron ? 'never' : '',
                  next ? `${formatTime(next)} (${formatAge(next)})` : (note ?? ''),
                ]),
              ),
        );
      });
    });

  for (const { what, description, done } of CHANGES) {
    schedule
      .command(what)
      .description(description)
      .argument('<model>', 'name of the model, <model>/<transform>, <model>/retention or storage/reconcile')
      .option('--note <text>', 'why; shown beside the schedule')
      .option(JSON_FLAG, JSON_HELP)
      .addHelpText('after', examples(`schedule ${what} weather --note "new sensors"`))
      .action((model, options) => changeCommand(context, what, done, model, options));
  }

  schedule
    .command('trigger')
    .description('start what the schedule would start, now')
    .argument('<model>', 'name of the model, <model>/<transform>, <model>/retention or storage/reconcile')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('schedule trigger weather', 'schedule trigger weather/daily'))
    .action((model, options) => changeCommand(context, 'trigger', 'triggered', model, options));

  schedule
    .command('backfill')
    .description(
      `ask for one run a day on which the schedule has a time in a span of the past, each as of its day, oldest first; at most ${MOST_OWN_REQUESTS}`,
    )
    .argument('<model>', 'name of the model')
    .requiredOption('--from <date>', 'first day, YYYY-MM-DD in the time zone of the schedule')
    .requiredOption('--to <date>', 'last day, included')
    .option('--no-deploy', 'train, and leave the endpoint alone')
    .option('--force', 'train even if nothing is new')
    .option('--dry-run', 'list the days, and ask for nothing')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText(
      'after',
      examples(
        'schedule backfill weather --from 2015-06-01 --to 2015-06-07 --dry-run',
        'schedule backfill weather --from 2015-06-01 --to 2015-06-07 --no-deploy --force',
      ),
    )
    .action((model, options) => backfill(context, model, options));
}

async function changeCommand(
  context: Context,
  what: Change,
  done: string,
  model: string,
  { note, json }: { note?: string | undefined; json?: true | undefined },
): Promise<void> {
  const output = outputOf(context, { json });
  await withClient(context.terminal, async (client) => {
    const found = await requireTriggers(client, model, what === 'trigger' ? 'schedule' : 'any');
    await change(client, model, what, note, found);
    // The entity's own answer comes later, with the worker: what it was told is what will be.
    const paused = what === 'trigger' ? found.events?.paused : what === 'pause' ? (note ?? 'paused') : undefined;
    const events = found.events && { ...found.events, paused };
    const row = rowOf(model, { schedule: found.schedule && (await findSchedule(client, model)), events });
    const next = row.next[0] ? `; next ${formatTime(row.next[0])}` : '';
    const named = [found.schedule && 'the schedule', what !== 'trigger' && events && 'the events'].filter(Boolean);
    output.result({ ...row, done }, () => `${done} ${named.join(' and ')} of ${model}${next}`);
  });
}
