import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createTriggerActivities } from '../../activities/trigger.js';
import { dateIn } from '../../contracts/calendar.js';
import { definitionSchema } from '../../contracts/definition/index.js';
import type { RunRequest } from '../../contracts/runs.js';
import { runActivity } from './support/world.js';

let connection: Connection;
let client: Client;
beforeAll(async () => {
  const { address, namespace } = inject('temporal');
  connection = await Connection.connect({ address });
  client = new Client({ connection, namespace });
});
afterAll(() => connection.close());

const taskQueue = `trigger-${randomUUID()}`;
const { signalModel, pauseSchedule } = createTriggerActivities({ taskQueue });

function definitionOf(timeZone: string) {
  return definitionSchema.parse({
    name: `m-${randomUUID().slice(0, 8)}`,
    role: 'arn:aws:iam::000000000000:role/sagemaker',
    data: { bucket: 'some-bucket' },
    training: { algorithm: 'linear-learner' },
    triggers: { schedule: { cron: '0 9 * * *', timeZone } },
  });
}

async function told(name: string) {
  const handle = client.workflow.getHandle(`model/${name}`);
  const { events = [] } = await handle.fetchHistory();
  const { workflowType } = { workflowType: (await handle.describe()).type };
  await handle.terminate('end of the test');
  const signals = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
    signal
      ? [
          {
            name: signal.signalName,
            request: defaultPayloadConverter.fromPayload(signal.input?.payloads?.[0] as never),
          },
        ]
      : [],
  );
  return { workflowType, signals };
}

describe('signalModel', () => {
  it('starts the entity with the first wish and signals it with the next', async () => {
    const definition = definitionOf('Asia/Tokyo');
    const request: RunRequest = { trigger: 'schedule' };
    const wish = (scheduledAt?: string) => runActivity(signalModel, { definition, request, scheduledAt }, client);
    await wish('2026-01-01T20:00:00Z');
    await wish('2026-01-03T00:00:00Z');
    await wish();
    expect(await told(definition.name)).toEqual({
      workflowType: 'model',
      signals: [
        { name: 'runWanted', request: { trigger: 'schedule', nominalDate: '2026-01-02' } },
        { name: 'runWanted', request: { trigger: 'schedule', nominalDate: '2026-01-03' } },
        { name: 'runWanted', request: { trigger: 'schedule' } },
      ],
    });
  });

  it('refuses a time that is none', async () => {
    const input = { definition: definitionOf('UTC'), request: { trigger: 'schedule' as const }, scheduledAt: 'soon' };
    await expect(runActivity(signalModel, input, client)).rejects.toMatchObject({ type: 'InvalidRequest' });
  });

  it('tries again when Temporal does not answer', async () => {
    const gone = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
    const input = { definition: definitionOf('UTC'), request: { trigger: 'schedule' as const } };
    await expect(
      gone.withDeadline(Date.now() + 500, () => runActivity(signalModel, input, gone)),
    ).rejects.toMatchObject({
      type: 'ServiceUnavailable',
      nonRetryable: false,
      message: expect.stringContaining(`model/${input.definition.name}`),
    });
    await gone.connection.close();
  });
});

describe('pauseSchedule', () => {
  it('pauses with a note, keeps the note of one that is paused, and takes one that is gone for done', async () => {
    const { name: model } = definitionOf('UTC');
    await runActivity(pauseSchedule, { model, note: 'nobody is there' }, client);
    const schedule = await client.schedule.create({
      scheduleId: `schedule/${model}`,
      spec: { cronExpressions: ['0 9 * * *'] },
      action: { type: 'startWorkflow', workflowType: 'trigger', taskQueue },
    });
    try {
      await runActivity(pauseSchedule, { model, note: 'five in a row' }, client);
      await runActivity(pauseSchedule, { model, note: 'six in a row' }, client);
      expect((await schedule.describe()).state).toMatchObject({ paused: true, note: 'five in a row' });
    } finally {
      await schedule.delete();
    }
  });
});

it.each([
  ['Asia/Tokyo', '2026-01-01T15:00:00Z', '2026-01-02'],
  ['America/New_York', '2026-01-01T04:59:59Z', '2025-12-31'],
  ['Europe/Berlin', '2026-03-29T22:30:00Z', '2026-03-30'],
  ['UTC', '2026-01-01T23:59:59.999Z', '2026-01-01'],
])('on the calendar of %s, %s is in %s', (zone, time, date) => expect(dateIn(zone, time)).toBe(date));
