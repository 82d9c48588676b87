import { NativeConnection } from '@temporalio/worker';
import { Client, Connection, type ScheduleOptions } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nominalDates } from '../../client/apply/nominal-dates.js';
import { wantedSchedule } from '../../client/apply/schedule.js';
import { startLocal, type LocalStack } from '../../local/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { temporaryFolder } from '../support/local.js';
import { script } from '../support/scripted-activities.js';
import { quietRuntime } from '../support/time-skipping.js';
import { testWorker } from '../support/worker.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment } from './environment.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterAll(() => at.close());

let schedules = 0;
function scheduleOf(cron: string, timeZone: string, taskQueue = 'nobody'): ScheduleOptions & { name: string } {
  const name = `clock-${(schedules += 1)}`;
  const wanted = wantedSchedule(exampleDefinition({ name, triggers: { schedule: { cron, timeZone } } }), taskQueue);
  if (!wanted) throw new Error('no schedule');
  return { ...wanted, name };
}

/** The server's own times of a schedule between two moments, to the minute. */
async function times(cron: string, timeZone: string, from: string, to: string): Promise<string[]> {
  const { name: _name, ...wanted } = scheduleOf(cron, timeZone);
  await at.client.schedule.create({ ...wanted, state: { paused: true } });
  const seconds = (day: string) => ({ seconds: (Date.parse(day) / 1000) as never });
  const { startTime } = await at.client.workflowService.listScheduleMatchingTimes({
    namespace: at.client.options.namespace,
    scheduleId: wanted.scheduleId,
    startTime: seconds(from),
    endTime: seconds(to),
  });
  return (startTime ?? []).map((time) => new Date(Number(time.seconds) * 1000).toISOString().slice(0, 16));
}

describe('a schedule when the clocks change', () => {
  const zone = 'America/New_York';

  it('keeps the time of the wall clock', async () => {
    expect(await times('0 9 * * *', zone, '2027-03-13', '2027-03-16')).toEqual([
      '2027-03-13T14:00',
      '2027-03-14T13:00',
      '2027-03-15T13:00',
    ]);
    expect(await times('0 9 * * *', zone, '2027-11-06', '2027-11-09')).toEqual([
      '2027-11-06T13:00',
      '2027-11-07T14:00',
      '2027-11-08T14:00',
    ]);
  });

  it('has no time in the hour that is skipped, two in the one that comes twice, both of one date', async () => {
    expect(await times('30 2 * * *', zone, '2027-03-13', '2027-03-16')).toEqual([
      '2027-03-13T07:30',
      '2027-03-15T06:30',
    ]);
    expect(await times('30 1 * * *', zone, '2027-11-06', '2027-11-09')).toEqual([
      '2027-11-06T05:30',
      '2027-11-07T05:30',
      '2027-11-07T06:30',
      '2027-11-08T06:30',
    ]);
    const { name, ...wanted } = scheduleOf('30 1 * * *', zone);
    await at.client.schedule.create({ ...wanted, state: { paused: true } });
    const span = { from: '2027-11-06', to: '2027-11-08', timeZone: zone, most: 20 };
    expect(await nominalDates(at.client, name, span)).toEqual(['2027-11-06', '2027-11-07', '2027-11-08']);
  });

  it('misses no hour of an hourly one', async () => {
    const hours = (day: string, from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, index) => `${day}T0${from + index}:00`);
    expect(await times('0 * * * *', zone, '2027-03-14T05:00Z', '2027-03-14T09:30Z')).toEqual(hours('2027-03-14', 6, 9));
    expect(await times('0 * * * *', zone, '2027-11-07T04:00Z', '2027-11-07T08:30Z')).toEqual(hours('2027-11-07', 5, 8));
  });
});

it('finds the dates of a schedule with more times than one answer holds', async () => {
  const { name, ...wanted } = scheduleOf('* * * * *', 'Asia/Tokyo');
  await at.client.schedule.create({ ...wanted, state: { paused: true } });
  const span = { from: '2026-01-01', to: '2026-01-03', timeZone: 'Asia/Tokyo', most: 20 };
  expect(await nominalDates(at.client, name, span)).toEqual(['2026-01-01', '2026-01-02', '2026-01-03']);
});

describe('a schedule whose times were missed, server and worker being away', () => {
  it('asks for one run when they are back, as of the last time', { timeout: 120_000 }, async () => {
    quietRuntime();
    const stateDir = await temporaryFolder();
    const start = () =>
      startLocal({
        stateDir,
        services: ['temporal'],
        ports: { temporal: 0, ui: 0 },
        persist: true,
        onProgress: () => undefined,
      });
    // Every two seconds, in place of every day.
    const { name: _name, ...wanted } = scheduleOf('0 9 * * *', 'UTC', 'late');
    let last = 0;
    await withServer(start, async (client) => {
      last = Math.ceil(Date.now() / 2_000) * 2_000 + 14_000;
      const spec = { cronExpressions: ['*/2 * * * * * *'], endAt: new Date(last + 500) };
      await client.schedule.create({ ...wanted, spec });
      const handle = client.schedule.getHandle(wanted.scheduleId);
      await expect.poll(async () => (await handle.describe()).info.numActionsTaken, { timeout: 10_000 }).toBe(1);
    });
    await expect.poll(() => Date.now(), { timeout: 20_000 }).toBeGreaterThan(last + 500);
    await withServer(start, async (client, address) => {
      const handle = client.schedule.getHandle(wanted.scheduleId);
      // A worker that is back before the server has caught up asks by the old trigger too, and the entity merges the two wishes.
      await expect.poll(async () => (await handle.describe()).info.numActionsTaken, { timeout: 20_000 }).toBe(2);
      const asked: string[] = [];
      const { activities } = script({ signalModel: async ({ scheduledAt }) => void asked.push(scheduledAt ?? '') });
      const native = await NativeConnection.connect({ address });
      const worker = await testWorker({ connection: native, taskQueue: 'late', activities });
      await worker.runUntil(async () => {
        await expect.poll(() => asked, { timeout: 20_000 }).toEqual([new Date(last).toISOString()]);
        const open = 'WorkflowType = "trigger" AND ExecutionStatus = "Running"';
        await expect.poll(async () => (await client.workflow.count(open)).count, { timeout: 20_000 }).toBe(0);
      });
      await native.close();
      expect(asked).toHaveLength(1);
      const { info } = await handle.describe();
      expect([info.numActionsTaken, info.nextActionTimes]).toEqual([2, []]);
    });
  });
});

async function withServer(
  start: () => Promise<LocalStack>,
  body: (client: Client, address: string) => Promise<void>,
): Promise<void> {
  const stack = await start();
  try {
    const address = stack.urls.temporal ?? '';
    const connection = await Connection.connect({ address });
    await body(new Client({ connection }), address);
    await connection.close();
  } finally {
    await stack.stop();
  }
}
