import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTriggerActivities } from '../../activities/trigger.js';
import type { Activities } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import { entityId, triggerId } from '../../contracts/names.js';
import type { ModelState, ModelStatus, RunReceipt, RunRequest, TriggerInput } from '../../contracts/runs.js';
import type { model } from '../../workflows/model/index.js';
import { exampleDefinition } from '../support/definitions.js';
import { devServerEnvironment } from '../support/dev-server.js';
import { NO_NEWS, raise, script } from '../support/scripted-activities.js';
import { withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

interface Entity {
  readonly handle: WorkflowHandle<typeof model>;
  readonly definition: Definition;
  readonly taskQueue: string;
  /** As-of date and force of each run that has begun, in order. */
  readonly runs: readonly string[];
  /** Most runs that were ever under way together. */
  readonly together: () => number;
  /** Lets the first run fail. */
  openFirst(): void;
  /** Lets all runs go on: those after the first find nothing new. */
  open(): void;
  status(): Promise<ModelStatus>;
  idle(): Promise<void>;
}

function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

/** An entity whose runs are held in their first activity. */
async function withEntity(body: (entity: Entity) => Promise<void>, state: Partial<ModelState> = {}): Promise<void> {
  const definition = exampleDefinition({
    name: `crowd-${randomUUID().slice(0, 8)}`,
    notify: {},
    triggers: { newData: { debounce: '1h' }, events: [{ source: 's', detailType: 't' }] },
  });
  const [first, rest] = [gate(), gate()];
  const runs: string[] = [];
  let now = 0;
  let most = 0;
  const checkData: Activities['checkData'] = async ({ asOf, force }) => {
    runs.push(`${asOf} ${force}`);
    most = Math.max(most, (now += 1));
    const isFirst = runs.length === 1;
    await (isFirst ? first : rest).passed;
    now -= 1;
    if (isFirst) throw raise('DataInvalid', 'stop here');
    return NO_NEWS;
  };
  let trigger: Partial<Activities> = {};
  const signalModel: Activities['signalModel'] = (input) =>
    trigger.signalModel?.(input) ?? Promise.reject(new Error('none'));
  await withWorker(env, script({ checkData, signalModel }).activities, async (taskQueue) => {
    trigger = createTriggerActivities({ taskQueue });
    const handle = await env.client.workflow.start<typeof model>('model', {
      taskQueue,
      workflowId: entityId(definition.name),
      args: [{ name: definition.name, definition, ...state }],
    });
    // It continues as new: the handle is of the chain, not of its first execution.
    const chain = env.client.workflow.getHandle<typeof model>(handle.workflowId);
    const status = () => chain.query<ModelStatus>('status');
    const open = () => {
      first.open();
      rest.open();
    };
    try {
      await body({
        handle: chain,
        definition,
        taskQueue,
        runs,
        together: () => most,
        openFirst: first.open,
        open,
        status,
        idle: () =>
          expect
            .poll(
              async () => {
                const { queue, running } = await status();
                return queue.length + (running ? 1 : 0);
              },
              { timeout: 40_000 },
            )
            .toBe(0),
      });
    } finally {
      open();
      await chain.terminate().catch(() => undefined);
    }
  });
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const day = (index: number) => new Date(Date.UTC(2025, 0, index + 1)).toISOString().slice(0, 10);

describe('fifty triggers of one moment', () => {
  it('from schedule, command line and events: one run, one merged run behind it, own settings apart, none lost', async () => {
    await withEntity(async ({ handle, definition, taskQueue, runs, together, open, status, idle }) => {
      const { name } = definition;
      const ask = (request: Partial<RunRequest>) =>
        handle.executeUpdate<RunReceipt, [RunRequest]>('requestRun', { args: [{ trigger: 'manual', ...request }] });
      const bySchedule = (index: number) =>
        env.client.workflow.execute('trigger', {
          taskQueue,
          workflowId: `${triggerId(name)}-${index}`,
          args: [{ definition } satisfies TriggerInput],
        });
      const byEvent = () => handle.signal('runWanted', { trigger: 'event', event: 't (s)' });
      const [receipts, own] = await Promise.all([
        Promise.all(times(15, () => ask({}))),
        Promise.all(times(5, (index) => ask({ asOf: day(index), noDeploy: true }))),
        Promise.all(times(15, bySchedule)),
        Promise.all(times(15, byEvent)),
      ]);
      await expect
        .poll(async () => (await status()).queue.reduce((sum, { wishes }) => sum + wishes, 0), { timeout: 20_000 })
        .toBe(49);
      const { queue, running } = await status();
      expect(queue.map(({ wishes }) => wishes).sort((a, b) => a - b)).toEqual(
        // The first to come runs: a plain wish, or one with its own settings.
        queue.length === 6 ? [1, 1, 1, 1, 1, 44] : [1, 1, 1, 1, 45],
      );
      expect(new Set(own.map(({ run }) => run)).size).toBe(5);
      const known = new Set([running?.run, ...queue.map(({ runTime }) => `retrain/${name}/${runTime}`)]);
      expect([...receipts, ...own].filter(({ run }) => !known.has(run))).toEqual([]);
      const expected = queue.length + 1;
      open();
      await idle();
      expect(runs).toHaveLength(expected);
      for (const index of times(5, (one) => one)) expect(runs).toContain(`${day(index)} false`);
      expect(together()).toBe(1);
    });
  });
});

describe('an entity with a long history', () => {
  it('continues as new between two runs: queue, failures, triggers and what comes meanwhile are kept', async () => {
    await withEntity(
      async ({ handle, runs, together, openFirst, open, status, idle }) => {
        const ask = (request: RunRequest) => handle.signal('runWanted', request);
        const first = (await handle.describe()).runId;
        await ask({ trigger: 'manual' });
        await expect.poll(() => runs.length, { timeout: 10_000 }).toBe(1);
        await handle.signal('dataArrived');
        const before = (await status()).events;
        expect(before).toMatchObject({ arrivals: {}, lookAt: expect.any(Number) });
        // More than the entity lets its history grow to; they change nothing by themselves.
        const stale = { workflowId: 'retrain/nobody/2026-01-01T00:00:00.000Z' };
        for (const _batch of times(6, String))
          await Promise.all(times(200, () => handle.signal('endpointWanted', stale)));
        await ask({ trigger: 'manual', asOf: day(100) });
        expect((await handle.describe()).runId).toBe(first);

        // It is told more while it continues as new.
        openFirst();
        const fire = async () => {
          for (const index of times(40, (one) => one)) await ask({ trigger: 'manual', asOf: day(index) });
        };
        const renewed = () =>
          expect.poll(async () => (await handle.describe()).runId, { timeout: 20_000 }).not.toBe(first);
        await Promise.all([fire(), renewed()]);
        await expect.poll(() => runs.length, { timeout: 10_000 }).toBe(2);
        expect(await status()).toMatchObject({ failures: 3, events: before, lastRun: { outcome: 'Failed' } });
        open();
        await idle();
        const asked = [...times(40, day), day(100)].map((asOf) => `${asOf} false`);
        expect(runs.slice(1).sort()).toEqual(asked.sort());
        expect(together()).toBe(1);
        expect((await status()).events).toEqual(before);
      },
      { failures: 2 },
    );
  });
});
