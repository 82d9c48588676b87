import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import type { RunInput } from '../../contracts/runs.js';
import { exampleDefinition } from '../support/definitions.js';
import { play } from '../support/evaluated-runs.js';
import { raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';

// One each: a try that a limit cuts off may leave the test server waiting for it, and then it skips no time any more.
let env: TestWorkflowEnvironment;
beforeEach(async () => {
  env = await timeSkippingEnvironment();
});
afterEach(() => env.teardown());

const input = (definition: Partial<DefinitionInput> = {}): RunInput => ({
  runTime: '2026-01-01T00:00:00.000Z',
  definition: exampleDefinition(definition),
  request: { trigger: 'manual' },
  entity: false,
});

describe('a run whose wait has a limit', () => {
  it('gives up waiting after the time limit, and stops the job', async () => {
    const scripted = script({
      awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'InProgress: Starting', '1h')),
    });
    const { failure } = await play(env, scripted, input());
    expect(failure).toMatchObject({ type: 'WaitTimedOut' });
    expect(failure?.message).toContain('InProgress: Starting');
    expect(scripted.count('stopTrainingJob')).toBe(1);
  });

  it('takes back a release that still moves after the limit', async () => {
    const scripted = script({
      awaitEndpoint: async () => Promise.reject(raise('InProgress', 'Updating: Baking (Step 1 of 2)', '60s')),
    });
    const endpoint = { strategy: 'canary', step: { percent: 10 }, bake: '5m', maxWait: '1h' } as const;
    const { failure } = await play(env, scripted, input({ endpoint }));
    expect(failure).toMatchObject({ type: 'WaitTimedOut', message: expect.stringContaining('Step 1 of 2') as string });
    expect([scripted.count('rollBack'), scripted.count('discardDeployment')]).toEqual([1, 1]);
    expect(scripted.outcomes).toMatchObject([{ outcome: 'Failed' }]);
  });
});
