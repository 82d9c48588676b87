import { CancelledFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { MESSAGES } from '../../contracts/runs.js';
import { until } from '../support/local.js';
import { RunWorld } from '../support/run-world.js';

let world: RunWorld;
beforeAll(async () => {
  world = await RunWorld.make();
}, 60_000);
afterAll(() => world.close(), 30_000);
beforeEach(async () => {
  await world.aws.rule({ kind: 'endpoint', action: 'complete' });
  await world.aws.rule({ kind: 'training-job', action: 'complete' });
});
afterEach(() => world.aws.clearRules());

/** Cancels a run in the middle of a call: after the request the call goes on. */
async function cancelIn(model: string, command: string, when: 'before' | 'after'): Promise<string> {
  const held = world.hold(command, when);
  const run = await world.request(model, { force: true });
  await held.reached;
  await world.run(run).cancel();
  // What the run makes of it is decided before the call comes to its end.
  await until('the run to hear of it', () => heard(run));
  held.release();
  return run;
}

/** Whether a run has taken note that it was cancelled. */
async function heard(run: string): Promise<boolean> {
  const { events = [] } = await world.run(run).fetchHistory();
  const asked = (events ?? []).findIndex((event) => event.workflowExecutionCancelRequestedEventAttributes);
  return asked >= 0 && (events ?? []).slice(asked).some((event) => event.workflowTaskCompletedEventAttributes);
}

/** That a cancelled run ended as it should, and left nothing. */
async function expectNothingLeft(run: string, stage: string): Promise<void> {
  expect(await world.end(run)).toBeInstanceOf(CancelledFailure);
  const reason = `cancelled on request during ${stage}`;
  expect(await world.outcome(run)).toMatchObject({ outcome: 'Cancelled', reason, warnings: [] });
  expect(world.notices(run).at(-1)).toMatchObject({ kind: 'ended', outcome: 'Cancelled', reason });
  expect(await world.deployments(run)).toEqual([]);
  const underWay = (await world.jobs(run)).filter(({ status }) => status === 'InProgress' || status === 'Stopping');
  expect(underWay).toEqual([]);
}

/** A model whose endpoint a first run has created; answers with that run's config. */
async function deployed(changes: Partial<DefinitionInput> = {}): Promise<{ model: string; config: string }> {
  const model = await world.model(changes);
  const { end } = await world.play(model);
  expect(end).toMatchObject({ outcome: 'Deployed' });
  return { model, config: (end as { endpointConfig: string }).endpointConfig };
}

async function expectLive(model: string, config: string): Promise<void> {
  expect(await world.endpoint(model)).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: config });
}

describe.each(['before', 'after'] as const)('a run that is cancelled %s the effect of', (when) => {
  it.each([
    ['ListObjectVersions', 'check data'],
    ['CreateTrainingJob', 'train'],
  ])('%s leaves nothing', async (command, stage) => {
    const model = await world.model();
    await expectNothingLeft(await cancelIn(model, command, when), stage);
    expect(await world.endpoint(model)).toBeUndefined();
  });

  it.each(['CreateModel', 'CreateEndpointConfig', 'CreateEndpoint'])(
    '%s, its first, leaves nothing and no endpoint',
    async (command) => {
      const model = await world.model();
      await expectNothingLeft(await cancelIn(model, command, when), 'deploy');
      expect(await world.endpoint(model)).toBeUndefined();
    },
  );

  it.each(['CreateModel', 'CreateEndpointConfig', 'UpdateEndpoint', 'InvokeEndpoint'])(
    '%s leaves nothing, and the endpoint on the config before',
    async (command) => {
      const { model, config } = await deployed();
      await expectNothingLeft(await cancelIn(model, command, when), 'deploy');
      await expectLive(model, config);
    },
  );

  it('PutParameter, its last word, is deployed: too late', async () => {
    const model = await world.model();
    const run = await cancelIn(model, 'PutParameter', when);
    expect(await world.end(run)).toMatchObject({ outcome: 'Deployed' });
    expect(await world.outcome(run)).toMatchObject({ outcome: 'Deployed' });
    expect(world.notices(run).at(-1)).toMatchObject({ kind: 'ended', outcome: 'Deployed' });
  });
});

describe('a run that is cancelled', () => {
  const stageOf = async (run: string) => (await world.run(run).query<{ stage: string }>(MESSAGES.progress)).stage;

  it('while its job trains: stops the job; a second cancel changes nothing', async () => {
    await world.aws.clearRules();
    await world.aws.rule({ kind: 'training-job', action: 'slow', delayMs: 60_000 });
    const model = await world.model();
    const run = await world.request(model);
    await until('the job', async () => (await world.jobs(run)).some(({ status }) => status === 'InProgress'));
    await until('the wait', async () => (await stageOf(run)) === 'await');
    await world.run(run).cancel();
    await world.run(run).cancel();
    await expectNothingLeft(run, 'await');
    expect((await world.jobs(run)).map(({ status }) => status)).toEqual(['Stopped']);
  });

  it('while the endpoint updates: waits until it stands, and takes it back', async () => {
    const { model, config } = await deployed();
    await world.aws.clearRules();
    await world.aws.rule({ kind: 'training-job', action: 'complete' });
    await world.aws.rule({ id: 'held', kind: 'endpoint', action: 'slow', delayMs: 600_000, times: 1 });
    await world.aws.rule({ kind: 'endpoint', action: 'complete' });
    const run = await world.request(model, { force: true });
    await until('the update', async () => (await world.endpoint(model))?.EndpointStatus === 'Updating');
    await world.run(run).cancel();
    await world.aws.endDelays('held');
    await expectNothingLeft(run, 'deploy');
    await expectLive(model, config);
  });

  it('while it waits for the endpoint’s lock: gives the wait up', async () => {
    const { model } = await deployed();
    const deletion = world.hold('DeleteEndpoint', 'before');
    await world.entity(model).executeUpdate(MESSAGES.deleteEndpoint);
    await deletion.reached;
    const run = await world.request(model, { force: true });
    await until('the wait', async () => (await stageOf(run)) === 'deploy');
    await world.run(run).cancel();
    await expectNothingLeft(run, 'deploy');
    deletion.release();
    await until('the deletion', async () => (await world.endpoint(model)) === undefined);
    // Nobody waits for the lock any more who would keep it.
    expect((await world.play(model, { force: true })).end).toMatchObject({ outcome: 'Deployed' });
  });

  it('while it waits in the queue: never starts', async () => {
    const model = await world.model();
    const held = world.hold('CreateTrainingJob', 'before');
    const first = await world.request(model);
    await held.reached;
    const queued = await world.request(model, { noDeploy: true });
    const dropped = await world.entity(model).executeUpdate<boolean, [string]>(MESSAGES.dropQueued, { args: [queued] });
    expect(dropped).toBe(true);
    held.release();
    expect(await world.end(first)).toMatchObject({ outcome: 'Deployed' });
    expect(await world.jobs(queued)).toEqual([]);
  });

  it('while no worker is there: is stopped by the next one', async () => {
    await world.aws.clearRules();
    await world.aws.rule({ kind: 'training-job', action: 'slow', delayMs: 60_000 });
    const model = await world.model();
    const run = await world.request(model);
    await until('the wait', async () => (await stageOf(run)) === 'await');
    await world.stopWorker();
    await world.run(run).cancel();
    await world.startWorker();
    await expectNothingLeft(run, 'await');
  });
});
