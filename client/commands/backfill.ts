import type { Client } from '@temporalio/client';
import { dateIn } from '../../contracts/calendar.js';
import { entityId } from '../../contracts/names.js';
import { MESSAGES, MOST_OWN_REQUESTS, hasOwnSettings } from '../../contracts/runs.js';
import type { ModelStatus, QueuedRun, RunReceipt, RunRequest } from '../../contracts/runs.js';
import { nominalDates } from '../apply/nominal-dates.js';
import { withClient } from '../connect.js';
import { CliError, EXIT, usageError } from '../errors.js';
import { plural } from '../format.js';
import { requireModel } from '../models.js';
import { outputOf, type Context } from './command.js';
import { checkDate } from './dates.js';

interface Options {
  readonly from: string;
  readonly to: string;
  /** commander's name for --no-deploy. */
  readonly deploy: boolean;
  readonly force?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly json?: true | undefined;
}

/** The longest that a worker may take to answer an update. */
const ANSWER_MS = 60_000;

/** The dates of the span, checked, or an error that says what to do; nothing has started by then. */
async function datesOf(
  client: Client,
  model: string,
  { definition, queue }: ModelStatus,
  { from, to }: Options,
): Promise<string[]> {
  const { schedule } = definition.triggers;
  if (!schedule)
    throw usageError(
      `${model} has no schedule that could be backfilled: ask for single days with \`perennial run ${model} --as-of <date>\``,
    );
  if (from > to) throw usageError(`--from ${from} lies after --to ${to}`);
  const today = dateIn(schedule.timeZone, Date.now());
  if (to > today)
    throw usageError(
      `--to ${to} lies in the future: today is ${today} in ${schedule.timeZone}, and a backfill is of the past`,
    );
  const room = MOST_OWN_REQUESTS - queue.filter(({ request }) => hasOwnSettings(request)).length;
  const dates = await nominalDates(client, model, { from, to, timeZone: schedule.timeZone, most: room });
  if (dates.length === 0)
    throw usageError(
      `the schedule of ${model} (${schedule.cron}, ${schedule.timeZone}) has no time between ${from} and ${to}`,
    );
  if (dates.length > room) {
    const fits = dates[room - 1];
    const waiting = room === MOST_OWN_REQUESTS ? '' : `, ${MOST_OWN_REQUESTS - room} wait already`;
    throw new CliError(
      `the schedule of ${model} has times on more than ${plural(room, 'day')} between ${from} and ${to}, and ${MOST_OWN_REQUESTS} requests may wait at once${waiting}; ` +
        `nothing was started. ${fits === undefined ? 'Wait for those' : `--to ${fits} fits`}`,
      EXIT.failed,
    );
  }
  return dates;
}

/** Days that wait already from an earlier request: requests with their own settings never merge. */
const again = (queue: readonly QueuedRun[], dates: readonly string[]) =>
  dates.filter((date) => queue.some(({ request }) => request.asOf === date));

/** Asks for one run a day on which the schedule has a time, each as of that day, oldest first: all of them or none. */
export async function backfill(context: Context, model: string, options: Options): Promise<void> {
  const { terminal } = context;
  const output = outputOf(context, options);
  checkDate('--from', options.from);
  checkDate('--to', options.to);
  await withClient(terminal, async (client) => {
    const { status } = await requireModel(client, terminal.env, model);
    const dates = await datesOf(client, model, status, options);
    const repeated = again(status.queue, dates);
    if (repeated.length > 0)
      output.note(
        `${repeated.join(', ')}: waits already from an earlier request. Nothing is merged: such a day is looked at twice, and trained on twice if there is news both times`,
      );
    if (options.dryRun) {
      output.result({ model, dates, dryRun: true }, () =>
        [`would ask for ${plural(dates.length, 'run')} of ${model}, as of`, ...dates.map((date) => `  ${date}`)].join(
          '\n',
        ),
      );
      return;
    }
    const requests = dates.map((asOf): RunRequest => ({
      trigger: 'manual',
      asOf,
      ...(options.force ? { force: true } : {}),
      ...(options.deploy ? {} : { noDeploy: true }),
    }));
    const handle = client.workflow.getHandle(entityId(model));
    const receipts = await client.withDeadline(Date.now() + ANSWER_MS, () =>
      handle.executeUpdate<RunReceipt[], [RunRequest[]]>(MESSAGES.requestRuns, { args: [requests] }),
    );
    const runs = receipts.map((receipt, index) => ({ asOf: dates[index], ...receipt }));
    output.result({ model, dates, runs }, () =>
      [
        `asked for ${plural(runs.length, 'run')} of ${model}, one after the other`,
        output.table(
          ['AS OF', 'RUN', 'STATE'],
          runs.map(({ asOf = '', run, state, position }) => [
            asOf,
            run,
            state === 'started' ? state : `${state}, ${position} before it`,
          ]),
        ),
      ].join('\n'),
    );
  });
}
