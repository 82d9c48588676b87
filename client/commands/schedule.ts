import type { Client, ScheduleDescription } from '@temporalio/client';
import { scheduleId } from '../../contracts/names.js';
import { definitionOf, findSchedule } from '../apply/schedule.js';
import { withClient } from '../connect.js';
import { closest } from '../definition/schema.js';
import { usageError } from '../errors.js';
import { formatAge, formatTime } from '../format.js';
import { scheduledModels } from '../models.js';
import type { Context } from './command.js';
import { JSON_FLAG, JSON_HELP, examples, outputOf } from './command.js';

const NEXT_TIMES = 3;

interface Row {
  readonly model: string;
  readonly cron?: string;
  readonly timeZone?: string;
  readonly state: 'active' | 'paused';
  readonly note?: string;
  readonly next: readonly string[];
  readonly last?: string;
}

function rowOf(model: string, schedule: ScheduleDescription): Row {
  const { paused, note } = schedule.state;
  const { cron, timeZone } = definitionOf(schedule)?.triggers.schedule ?? {};
  return {
    model,
    cron,
    timeZone,
    state: paused ? 'paused' : 'active',
    note: note || undefined,
    // A paused schedule's times pass without a run.
    next: paused ? [] : schedule.info.nextActionTimes.slice(0, NEXT_TIMES).map((at) => at.toISOString()),
    last: schedule.info.recentActions.at(-1)?.takenAt.toISOString(),
  };
}

async function requireSchedule(client: Client, model: string): Promise<ScheduleDescription> {
  const schedule = await findSchedule(client, model);
  if (schedule) return schedule;
  const known = await scheduledModels(client);
  const near = closest(model, known);
  const hint = near ? ` Did you mean ${near}?` : known.length > 0 ? ` With a schedule: ${known.join(', ')}.` : '';
  throw usageError(
    `no schedule for "${model}".${hint} A schedule comes from triggers.schedule of the definition and \`perennial apply\``,
  );
}

type Change = 'pause' | 'resume' | 'trigger';

const CHANGES = [
  { what: 'pause', description: 'start no runs by the schedule until it is resumed', done: 'paused' },
  { what: 'resume', description: 'start runs by the schedule again', done: 'resumed' },
] as const;

async function change(client: Client, model: string, what: Change, note: string | undefined): Promise<void> {
  const handle = client.schedule.getHandle(scheduleId(model));
  switch (what) {
    case 'pause':
      return handle.pause(note ?? 'paused by perennial schedule pause');
    case 'resume':
      return handle.unpause(note ?? 'resumed by perennial schedule resume');
    case 'trigger':
      return handle.trigger();
  }
}

/** `schedule list|pause|resume|trigger`. */
export function scheduleCommand(context: Context): void {
  const { program, terminal } = context;
  const schedule = program.command('schedule').description('the schedules of models');

  schedule
    .command('list')
    .description('list schedules with their next times')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('schedule list', 'schedule list --json'))
    .action(async (options) => {
      const output = outputOf(context, options);
      await withClient(terminal, async (client) => {
        const models = await scheduledModels(client);
        const found = await Promise.all(
          models.map(async (model) => ({ model, is: await findSchedule(client, model) })),
        );
        const rows = found.flatMap(({ model, is }) => (is ? [rowOf(model, is)] : []));
        output.result(rows, () =>
          rows.length === 0
            ? 'no schedules'
            : output.table(
                ['MODEL', 'CRON', 'TIME ZONE', 'STATE', 'LAST', 'NEXT'],
                rows.map(({ model, cron = '', timeZone = '', state, note, last, next: [next] }) => [
                  model,
                  cron,
                  timeZone,
                  output.outcome(state),
                  last ? formatAge(last) : 'never',
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
      .argument('<model>', 'name of the model')
      .option('--note <text>', 'why; shown beside the schedule')
      .option(JSON_FLAG, JSON_HELP)
      .addHelpText('after', examples(`schedule ${what} weather --note "new sensors"`))
      .action((model, options) => changeCommand(context, what, done, model, options));
  }

  schedule
    .command('trigger')
    .description('start what the schedule would start, now')
    .argument('<model>', 'name of the model')
    .option(JSON_FLAG, JSON_HELP)
    .addHelpText('after', examples('schedule trigger weather'))
    .action((model, options) => changeCommand(context, 'trigger', 'triggered', model, options));
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
    await requireSchedule(client, model);
    await change(client, model, what, note);
    const row = rowOf(model, await requireSchedule(client, model));
    const next = row.next[0] ? `; next ${formatTime(row.next[0])}` : '';
    output.result({ ...row, done }, () => `${done} the schedule of ${model}${next}`);
  });
}
