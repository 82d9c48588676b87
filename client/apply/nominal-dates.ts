import type { Client } from '@temporalio/client';
import { dateIn } from '../../contracts/calendar.js';
import { scheduleId } from '../../contracts/names.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How far the calendars of the world lie from UTC's. */
const EASTERNMOST_MS = 14 * HOUR_MS;
const WESTERNMOST_MS = 12 * HOUR_MS;

const timestamp = (ms: number) => ({ seconds: Math.floor(ms / 1000) as never });

/**
 * Dates between two (YYYY-MM-DD, both inclusive) on which a model's schedule has a time, oldest first, each once, on the calendar of
 * the schedule's time zone. The server computes the times: they are the ones at which it would have started a run.
 * @param most stops once there are more dates than this
 */
export async function nominalDates(
  client: Client,
  model: string,
  { from, to, timeZone, most }: { from: string; to: string; timeZone: string; most: number },
): Promise<string[]> {
  const dates = new Set<string>();
  const end = Date.parse(to) + DAY_MS + WESTERNMOST_MS;
  let start = Date.parse(from) - EASTERNMOST_MS;
  // An answer is cut where there are many times: the next begins after its last.
  while (start < end && dates.size <= most) {
    const { startTime: times = [] } = await client.workflowService.listScheduleMatchingTimes({
      namespace: client.options.namespace,
      scheduleId: scheduleId(model),
      startTime: timestamp(start),
      endTime: timestamp(end),
    });
    if (times.length === 0) break;
    for (const { seconds } of times) {
      start = (Number(seconds) + 1) * 1000;
      const date = dateIn(timeZone, start - 1000);
      if (date >= from && date <= to) dates.add(date);
    }
  }
  return [...dates].sort();
}
