import {
  CreateEndpointCommand,
  CreateEndpointConfigCommand,
  DeleteEndpointCommand,
  UpdateEndpointCommand,
} from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { verdictOn } from '../../activities/endpoint/standing.js';
import type { ControlRule } from '../../local/sagemaker/context.js';
import { Harness } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);
const NO_CAPACITY = /^Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error\./;

beforeAll(async () => {
  await harness.start();
  await harness.config('old');
  await harness.config('new');
});
afterAll(() => harness.close());
afterEach(() => fetch(`${harness.url}/_local/rules`, { method: 'DELETE' }));

/** Longer than any test: over when the test ends it. */
const HELD_MS = 600_000;

const rule = (action: ControlRule['action'], more: Partial<ControlRule> = {}) =>
  harness.rule({ kind: 'endpoint', action, ...more });
const create = (name: string) =>
  harness.control.send(new CreateEndpointCommand({ EndpointName: name, EndpointConfigName: 'old' }));
const update = (name: string, config = 'new') =>
  harness.control.send(new UpdateEndpointCommand({ EndpointName: name, EndpointConfigName: config }));
const remove = (name: string) => harness.control.send(new DeleteEndpointCommand({ EndpointName: name }));

/** What production makes of an endpoint that is to be on a config: `serves`, the failure's type, or undefined. */
async function verdict(name: string, config: string): Promise<string | undefined> {
  const found = verdictOn(await harness.describe(name), config, 'us-east-1');
  if (found instanceof ApplicationFailure) return String(found.type);
  return found ? 'serves' : undefined;
}

describe.each([true, false])('an endpoint that a complete rule matches: %s', (canned) => {
  const prefix = canned ? 'canned' : 'plain';
  const begin = () => (canned ? rule('complete') : Promise.resolve());
  /** An endpoint in service on `old`, and what it answers. */
  const live = async (name: string) => {
    await begin();
    expect((await harness.endpoint(name, 'old')).EndpointStatus).toBe('InService');
    return name;
  };
  const serves = async (name: string, config: string) => {
    const answer = await harness.invoke(name);
    expect(canned ? answer : answer.id).toEqual(
      canned ? expect.objectContaining({ predictions: [{ score: 0 }] }) : config,
    );
  };

  it('finds no capacity: a creation ends Failed, an update on the old config', async () => {
    await begin();
    await rule('capacity', { stage: 'Creating', times: 1 });
    const failed = await harness.endpoint(`${prefix}-capacity`, 'old');
    expect(failed).toMatchObject({ EndpointStatus: 'Failed', EndpointConfigName: 'old' });
    expect(failed.FailureReason).toMatch(NO_CAPACITY);
    expect(await verdict(`${prefix}-capacity`, 'old')).toBe('EndpointFailed');
    await remove(`${prefix}-capacity`);

    const name = await live(`${prefix}-capacity-2`);
    await rule('capacity', { stage: 'Updating', times: 1 });
    await update(name);
    const back = await harness.settled(name);
    expect(back).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'old' });
    expect(back.FailureReason).toMatch(NO_CAPACITY);
    expect(await verdict(name, 'new')).toBe('DeploymentRolledBack');
    await serves(name, 'old');
  });

  it('is refused over a quota: a creation leaves nothing, an update the old config', async () => {
    await begin();
    const refusal = {
      name: 'ResourceLimitExceeded',
      message: expect.stringMatching(/'ml\.m5\.large for endpoint usage' is 0 Instances/) as string,
    };
    await rule('quota', { times: 1 });
    await expect(create(`${prefix}-quota`)).rejects.toMatchObject(refusal);
    await expect(harness.describe(`${prefix}-quota`)).rejects.toThrow('Could not find endpoint');
    const name = await live(`${prefix}-quota`);
    await rule('quota', { times: 1 });
    await expect(update(name)).rejects.toMatchObject(refusal);
    expect(await harness.describe(name)).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'old' });
    await update(name);
    await harness.settled(name);
    expect(await verdict(name, 'new')).toBe('serves');
  });

  it('fails in the stage that was told', async () => {
    const name = await live(`${prefix}-fails`);
    await rule('fail', { id: 'held', stage: 'Updating', reason: 'as told', delayMs: HELD_MS, times: 1 });
    await update(name);
    expect(await harness.describe(name)).toMatchObject({ EndpointStatus: 'Updating' });
    await harness.endDelays('held');
    await vi.waitFor(async () => expect(await verdict(name, 'new')).toBe('DeploymentRolledBack'), 5_000);
    expect(await harness.describe(name)).toMatchObject({ FailureReason: 'as told' });
    await serves(name, 'old');
    await rule('fail', { stage: 'Creating', times: 1 });
    expect((await harness.endpoint(`${prefix}-fails-2`, 'old')).EndpointStatus).toBe('Failed');
  });

  it.each([undefined, 'The alarms say no.'])('rolls back in silence, reason %s', async (reason) => {
    const name = await live(`${prefix}-silent-${reason ? 'told' : 'mute'}`);
    await rule('silent-rollback', { times: 1, ...(reason && { reason }) });
    await update(name);
    const back = await harness.settled(name);
    expect(back).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'old' });
    expect(back.FailureReason).toBe(reason);
    expect(back.PendingDeploymentSummary).toBeUndefined();
    expect(await verdict(name, 'new')).toBe('DeploymentRolledBack');
    await serves(name, 'old');
  });

  it('fails its rollback: it serves on, and can be updated and deleted', async () => {
    const name = await live(`${prefix}-stuck`);
    await rule('rollback-failed', { reason: 'no way back', times: 1 });
    await update(name);
    expect(await harness.settled(name)).toMatchObject({
      EndpointStatus: 'UpdateRollbackFailed',
      EndpointConfigName: 'old',
      FailureReason: 'no way back',
    });
    expect(await verdict(name, 'new')).toBe('EndpointFailed');
    await serves(name, 'old');
    await harness.shutDown();
    await harness.boot();
    await serves(name, 'old');
    expect((await harness.describe(name)).EndpointStatus).toBe('UpdateRollbackFailed');
    await update(name);
    await harness.settled(name);
    expect(await verdict(name, 'new')).toBe('serves');
    await remove(name);
    await expect(harness.settled(name)).rejects.toThrow('Could not find endpoint');
  });

  it('is in an unknown status for a while, and refuses changes meanwhile', async () => {
    await begin();
    const name = `${prefix}-status`;
    await rule('status', { id: 'held', status: 'Hatching', stage: 'Creating', delayMs: HELD_MS });
    await create(name);
    await vi.waitFor(async () => expect((await harness.describe(name)).EndpointStatus).toBe('Hatching'), 5_000);
    expect(await verdict(name, 'old')).toBe('UnknownStatus');
    await expect(update(name)).rejects.toThrow('Cannot update in-progress endpoint');
    await expect(remove(name)).rejects.toThrow('Cannot update in-progress endpoint');
    await harness.endDelays('held');
    await vi.waitFor(async () => expect(await verdict(name, 'old')).toBe('serves'), 10_000);
  });

  it('stays in an unknown status, over a restart too, until it is changed', async () => {
    const name = await live(`${prefix}-stays`);
    await rule('status', { status: 'Molting', times: 1 });
    await update(name);
    const molting = () =>
      vi.waitFor(async () => expect((await harness.describe(name)).EndpointStatus).toBe('Molting'), 5_000);
    await molting();
    expect(await verdict(name, 'new')).toBe('UnknownStatus');
    await serves(name, 'old');
    await harness.shutDown();
    await harness.boot();
    await molting();
    await serves(name, 'old');
    await update(name);
    await harness.settled(name);
    expect(await verdict(name, 'new')).toBe('serves');
  });
});

describe('quotas of what has no instances', () => {
  it.each(['model', 'endpoint-config'] as const)('refuse a %s, and leave nothing', async (kind) => {
    const id = `over-${kind}`;
    await harness.rule({ kind, match: id, action: 'quota', times: 1 });
    const refused = { name: 'ResourceLimitExceeded', message: expect.stringContaining('account-level') as string };
    await expect(harness.config(id)).rejects.toMatchObject(refused);
    if (kind === 'model') return expect(await harness.config(id)).toBe(id);
    const ProductionVariants = [{ VariantName: 'v', ModelName: id, InstanceType: 'ml.m5.large' as const }].map(
      (variant) => ({ ...variant, InitialInstanceCount: 1 }),
    );
    const again = new CreateEndpointConfigCommand({ EndpointConfigName: id, ProductionVariants });
    expect((await harness.control.send(again)).EndpointConfigArn).toContain(id);
  });
});
