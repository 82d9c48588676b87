import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';
import { playPurge } from './purge-play.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const happy = script().activities;

it('says that more may have gone than is counted where a leg can only say so, and where one fails', async () => {
  const unsure = await playPurge(env, {
    eraseObjects: async (input) => ({
      ...(await happy.eraseObjects(input)),
      ...(input.leg === 1 && ({ done: false, atLeast: true } as const)),
    }),
  });
  expect(unsure.end).toMatchObject({
    outcome: 'Purged',
    reason: expect.stringMatching(/^erased at least 10 versions/) as string,
    erased: { versions: 10, atLeast: true },
  });
  expect(unsure.events.at(-1)).toMatchObject({ erased: { versions: 10, atLeast: true } });
  const failed = await playPurge(env, {
    eraseObjects: async (input) => {
      if (input.leg === 2) throw raise('AccessDenied', 'denied');
      return { ...(await happy.eraseObjects(input)), done: false };
    },
  });
  expect(failed.events.at(-1)).toMatchObject({ outcome: 'Failed', erased: { versions: 5, atLeast: true } });
  const { end } = await playPurge(env);
  expect(end).not.toHaveProperty('erased.atLeast');
});
