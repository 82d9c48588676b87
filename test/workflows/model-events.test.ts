import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import type { Definition, DefinitionInput } from '../../contracts/definition/index.js';
import type { ModelStatus, RunRequest } from '../../contracts/runs.js';
import { LIST_AGE_MS, TRIGGERS_MEMO, type ModelTriggers } from '../../contracts/triggers.js';
import { afterRun, arrived, dueAt } from '../../workflows/model/arrivals.js';
import type { model } from '../../workflows/model/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { NO_NEWS, raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

// One each: an update of the test server may hang once hours were skipped.
let env: TestWorkflowEnvironment;
beforeEach(async () => {
  env = await timeSkippingEnvironment();
});
afterEach(() => env.teardown());

const MINUTE = 60_000;

describe('the debounce', () => {
  it('waits for a pause, and four times its length at the most', () => {
    let arrivals = arrived(undefined, 0);
    expect(dueAt(arrivals, 10)).toBe(10);
    for (const now of [8, 16, 24, 32, 39]) arrivals = arrived(arrivals, now);
    expect(dueAt(arrivals, 10)).toBe(40);
    expect(dueAt(arrived(arrived(undefined, 0), 8), 10)).toBe(18);
  });

  it('looks once more after a run in the midst of a stream, and not after one at its end', () => {
    const stream = arrived(arrived(undefined, 0), 39);
    const rest = afterRun(stream, 10, 40);
    expect(rest && dueAt(rest, 10)).toBe(49);
    expect(afterRun(arrived(undefined, 0), 10, 10)).toBeUndefined();
  });
});

interface Entity {
  readonly handle: WorkflowHandle<typeof model>;
  readonly definition: Definition;
  /** As of and event of each run that has begun, in order. */
  readonly runs: readonly string[];
  status(): Promise<ModelStatus>;
  memo(): Promise<ModelTriggers | undefined>;
  /** Lets this many minutes go by. */
  pass(minutes: number): Promise<void>;
}

let entities = 0;

async function withEntity(
  triggers: DefinitionInput['triggers'],
  body: (entity: Entity) => Promise<void>,
  overrides: Partial<Activities> = {},
): Promise<void> {
  const definition = exampleDefinition({ name: `events-${(entities += 1)}`, notify: {}, triggers });
  const runs: string[] = [];
  const { activities } = script({
    checkData: async ({ ref, asOf }) => {
      const { raw } = await env.client.workflow.getHandle(ref.run).describe();
      const summary = Buffer.from(raw.executionConfig?.userMetadata?.summary?.data ?? []).toString();
      runs.push(`${asOf} ${summary}`);
      return NO_NEWS;
    },
    ...overrides,
  });
  await withWorker(env, activities, async (taskQueue) => {
    const handle = await env.client.workflow.start<typeof model>('model', {
      taskQueue,
      workflowId: `model/${definition.name}`,
      args: [{ name: definition.name, definition }],
    });
    // The test server may leave a query without an answer that comes amid a workflow task: whoever polls asks again.
    const status = () => env.client.withDeadline(Date.now() + 5_000, () => handle.query<ModelStatus>('status'));
    try {
      await body({
        handle,
        definition,
        runs,
        status,
        memo: async () => (await handle.describe()).memo?.[TRIGGERS_MEMO] as ModelTriggers | undefined,
        pass: (minutes) => env.sleep(minutes * MINUTE),
      });
    } finally {
      await handle.terminate().catch(() => undefined);
    }
  });
}

const settled = (entity: Entity, count: number) =>
  expect.poll(() => entity.runs.length, { timeout: 45_000 }).toBe(count);
const declared = { source: 'my.pipeline', detailType: 'Done', detail: { state: ['OK'] } };
const event: RunRequest = { trigger: 'event', event: 'Done (my.pipeline)' };

describe('a model that new data starts', () => {
  it('looks once after it was applied, then whenever data has stopped coming', async () => {
    await withEntity({ newData: {} }, async (entity) => {
      const { data } = entity.definition;
      await expect
        .poll(() => entity.memo())
        .toEqual({
          data: { bucket: data.bucket, prefix: data.prefix, channels: [], output: data.output },
          newData: { debounce: '10m' },
        });
      await entity.pass(9);
      expect(entity.runs).toHaveLength(0);
      await entity.pass(2);
      await settled(entity, 1);
      for (let minutes = 0; minutes < 30; minutes += 5) {
        await entity.handle.signal('dataArrived');
        await entity.pass(5);
      }
      expect(entity.runs).toHaveLength(1);
      await entity.pass(6);
      await settled(entity, 2);
      expect(entity.runs[1]).toContain('(event: new data)');
      await entity.pass(120);
      expect(entity.runs).toHaveLength(2);
    });
  });

  it('is not starved by a stream that never pauses, and sees its end', async () => {
    await withEntity({ newData: {} }, async (entity) => {
      await entity.pass(11);
      await settled(entity, 1);
      for (let minutes = 0; minutes < 50; minutes += 5) {
        await entity.handle.signal('dataArrived');
        await entity.pass(5);
      }
      await settled(entity, 2);
      await entity.pass(10);
      await settled(entity, 3);
      await entity.pass(120);
      expect(entity.runs).toHaveLength(3);
    });
  });

  it('looks after half a minute where the debounce is shorter, and at arrivals before', async () => {
    await withEntity({ newData: { debounce: '1s' } }, async (entity) => {
      await entity.handle.signal('dataArrived');
      await env.sleep(2_000);
      await settled(entity, 1);
      await env.sleep(2 * LIST_AGE_MS);
      await settled(entity, 2);
    });
  });

  it('looks at the day of the data, which may be tomorrow in UTC already', async () => {
    await withEntity({ newData: { timeZone: 'Pacific/Kiritimati' }, events: [declared] }, async (entity) => {
      await entity.handle.signal('runWanted', event);
      await settled(entity, 1);
      const inKiritimati = new Date((await env.currentTimeMs()) + 14 * 60 * MINUTE).toISOString().slice(0, 10);
      const { name } = entity.definition;
      expect(entity.runs[0]).toBe(
        `${inKiritimati} "retrain ${name} (event: Done (my.pipeline)), as of ${inKiritimati}"`,
      );
    });
  });

  it('is looked at anew where its data lies elsewhere, and no more where the trigger is gone', async () => {
    await withEntity({ newData: {} }, async (entity) => {
      await entity.pass(11);
      await settled(entity, 1);
      const { definition, handle } = entity;
      const apply = (changed: Definition) => handle.executeUpdate('apply', { args: [changed] });
      await apply({ ...definition, waiting: { poll: '30s' } });
      await entity.pass(60);
      expect(entity.runs).toHaveLength(1);
      const moved = { ...definition, data: { ...definition.data, prefix: 'elsewhere/train/' } };
      await apply(moved);
      await entity.pass(11);
      await settled(entity, 2);
      await handle.signal('dataArrived');
      await apply({ ...moved, triggers: {} });
      await expect.poll(() => entity.memo()).toBeUndefined();
      await handle.signal('dataArrived');
      await entity.pass(60);
      expect(entity.runs).toHaveLength(2);
      expect((await entity.status()).events).toBeUndefined();
    });
  });
});

describe('event triggers', () => {
  it('leave no trace in a model that has none', async () => {
    await withEntity({ schedule: { cron: '0 9 * * *' } }, async (entity) => {
      await entity.handle.signal('dataArrived');
      await entity.handle.signal('runWanted', event);
      await entity.pass(60);
      const types = ((await entity.handle.fetchHistory()).events ?? []).filter(
        ({ timerStartedEventAttributes, workflowPropertiesModifiedEventAttributes: memo }) =>
          timerStartedEventAttributes ?? memo,
      );
      expect([types, entity.runs]).toEqual([[], []]);
    });
  });

  it('are paused with a note after five failures in a row, and go on with a look when resumed', async () => {
    let fails = true;
    const notes: string[] = [];
    const checked: string[] = [];
    await withEntity(
      { newData: {}, events: [declared], schedule: { cron: '0 9 * * *' } },
      async (entity) => {
        const { handle } = entity;
        for (let failures = 1; failures <= 5; failures += 1) {
          await handle.signal('runWanted', event);
          await expect.poll(async () => (await entity.status()).failures, { timeout: 45_000 }).toBe(failures);
        }
        expect((await entity.memo())?.paused).toContain('5 runs in a row failed');
        await expect.poll(() => notes.length).toBe(1);
        await handle.signal('runWanted', event);
        await handle.signal('dataArrived');
        await entity.pass(60);
        expect(checked).toHaveLength(5);
        // Whoever asks gets a run; a good one shows that all is well, and resumes nothing.
        fails = false;
        await handle.signal('runWanted', { trigger: 'manual' });
        await expect.poll(async () => (await entity.status()).failures, { timeout: 45_000 }).toBe(0);
        await handle.signal('runWanted', event);
        await entity.pass(60);
        expect(checked).toHaveLength(6);

        await handle.signal('pauseEvents', {});
        await expect.poll(async () => (await entity.memo())?.paused).toBeUndefined();
        await entity.pass(11);
        await expect.poll(() => checked.length, { timeout: 45_000 }).toBe(7);
      },
      {
        checkData: async ({ ref }) => {
          checked.push(ref.run);
          if (fails) throw raise('AccessDenied', 's3:ListBucketVersions');
          return NO_NEWS;
        },
        pauseSchedule: async ({ note }) => void notes.push(note),
      },
    );
  });

  it('count also where they come before the entity has begun', async () => {
    const definition = exampleDefinition({ name: 'events-first', notify: {}, triggers: { events: [declared] } });
    const checked: string[] = [];
    const { activities } = script({
      checkData: async ({ ref }) => {
        checked.push(ref.run);
        return NO_NEWS;
      },
    });
    await withWorker(env, activities, async (taskQueue) => {
      const handle = await env.client.workflow.signalWithStart<typeof model, [RunRequest]>('model', {
        taskQueue,
        workflowId: 'model/events-first',
        args: [{ name: definition.name, definition }],
        signal: 'runWanted',
        signalArgs: [event],
      });
      await expect.poll(() => checked.length, { timeout: 45_000 }).toBe(1);
      await handle.terminate();
    });
  });

  it('start nothing once the model was removed', async () => {
    await withEntity({ newData: {} }, async (entity) => {
      await entity.handle.signal('dataArrived');
      await entity.handle.signal('retire');
      await entity.handle.result();
      expect(entity.runs).toEqual([]);
      expect(await entity.memo()).toBeUndefined();
    });
  });
});
