import { randomUUID } from 'node:crypto';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import type { PurgeInput } from '../../contracts/purge/index.js';
import { purgeId } from '../../contracts/purge/index.js';
import type { Due, RetentionInput, RetentionStep } from '../../contracts/retention.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment, withWorker } from '../support/time-skipping.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const dormancy = {
  owners: 's3://bucket/owners.csv',
  keys: '{owner}/*',
  after: 'P1Y',
  apart: 'dormant/',
};
const due = (step: RetentionStep): Due => ({
  objects: 2,
  bytes: 20,
  owners: step === 'age' ? 0 : 1,
  targetsUri: `s3://bucket/_perennial/targets/${step}.jsonl`,
  ...(step === 'return' && { originsUri: 's3://bucket/_perennial/targets/origins.jsonl' }),
});
const ALL = {
  steps: { grace: due('grace'), apart: due('apart'), return: due('return'), age: due('age') },
  warnings: ['w'],
};

/** Plays a retention on a day; answers with how it ended, the purges' inputs and what was called. */
async function play(overrides: Partial<Activities>, more: Partial<RetentionInput> = {}) {
  const scripted = script(overrides);
  const name = `m-${randomUUID().slice(0, 8)}`;
  const definition = exampleDefinition({
    name,
    data: { bucket: 'bucket', window: 'P1Y', retention: { age: 'P3Y', dormancy } },
  });
  return withWorker(env, scripted.activities, async (taskQueue) => {
    const input: RetentionInput = { definition, date: '2026-05-01', ...more };
    const handle = await env.client.workflow.start(WORKFLOWS.retention, {
      taskQueue,
      workflowId: `retention/${name}`,
      args: [input],
    });
    const end: unknown = await handle.result().catch((error: unknown) => (error as WorkflowFailedError).cause);
    const purgeOf = async (request: string) => {
      const history = await env.client.workflow.getHandle(purgeId(request)).fetchHistory();
      const payload = history.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
      return JSON.parse(Buffer.from(payload ?? []).toString()) as PurgeInput;
    };
    return { end, scripted, name, purgeOf, historyLength: (await handle.describe()).historyLength };
  });
}

describe('a retention', () => {
  it('plays each step that is due with a purge of its own, and settles', async () => {
    const lists: (readonly string[])[] = [];
    const { end, scripted, name, purgeOf, historyLength } = await play({
      findDue: async () => ALL,
      settleDormancy: async (input) => {
        lists.push(input.lists);
        return { apart: 0 };
      },
    });
    const day = `retention-${name}-2026-05-01`;
    expect(end).toMatchObject({
      model: name,
      date: '2026-05-01',
      dryRun: false,
      passes: [
        { step: 'age', objects: 2, request: day, outcome: 'Purged' },
        { step: 'return', owners: 1, request: `${day}-return`, outcome: 'Purged' },
        { step: 'apart', request: `${day}-apart`, outcome: 'Purged' },
        { step: 'grace', request: `${day}-grace`, outcome: 'Purged' },
      ],
      warnings: ['w'],
    });
    const own = scripted.calls.filter((call) =>
      [
        'findDue',
        'setApart',
        'bringBack',
        'liftTombstones',
        'settleDormancy',
        'setTombstones',
        'verifyObjects',
      ].includes(call),
    );
    expect(own).toEqual([
      ...['findDue', 'verifyObjects'],
      ...['bringBack', 'liftTombstones', 'verifyObjects'],
      ...['setApart', 'setTombstones', 'verifyObjects'],
      ...['verifyObjects', 'settleDormancy'],
    ]);
    expect(lists).toEqual([['s3://bucket/_perennial/targets/origins.jsonl']]);
    const apart = await purgeOf(`${day}-apart`);
    expect(apart).toMatchObject({
      targetsUri: due('apart').targetsUri,
      options: { tombstones: true },
      by: `retention of ${name}`,
    });
    expect(Date.parse(apart.since ?? '')).not.toBeNaN();
    expect((await purgeOf(day)).options).toEqual({ tombstones: false });
    expect(historyLength).toBeLessThan(120);
  });

  it('only looks in a dry run', async () => {
    const { end, scripted } = await play({ findDue: async () => ALL }, { dryRun: true });
    expect(end).toMatchObject({ dryRun: true, passes: [{ step: 'age', objects: 2 }, {}, {}, {}] });
    expect((end as { passes: object[] }).passes[0]).not.toHaveProperty('outcome');
    expect(scripted.calls).toEqual(['declaredStorage', 'findDue']);
  });

  it('purges nothing where nothing is due', async () => {
    const { end, scripted } = await play({ findDue: async () => ({ steps: {}, warnings: [] }) });
    expect(end).toMatchObject({ passes: [] });
    expect(scripted.calls).toEqual(['declaredStorage', 'findDue', 'settleDormancy']);
  });

  it('goes on after a purge that is blocked, and tells it', async () => {
    const blocked = { by: 'object lock', entries: 1, until: '2030-01-01T00:00:00.000Z', advice: 'wait' } as const;
    const happy = script().activities;
    const { end } = await play({
      findDue: async () => ALL,
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { versions: 1, markers: 0, uploads: 0, bytes: 1 },
        blocked: [blocked],
      }),
    });
    expect(end).toMatchObject({ passes: [{ outcome: 'Blocked' }, { outcome: 'Blocked' }, {}, {}] });
  });

  it('sets nothing apart for a purge whose copies failed, and fails with the reason', async () => {
    const { end, scripted } = await play({
      findDue: async () => ({ steps: { apart: due('apart') }, warnings: [] }),
      setApart: async () => {
        throw raise('AccessDenied', 'bucket bucket: allow s3:PutObject');
      },
    });
    expect(String((end as Error).cause ?? end)).toContain('allow s3:PutObject');
    expect(scripted.calls).not.toContain('eraseObjects');
  });
});
