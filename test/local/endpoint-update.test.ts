import { UpdateEndpointCommand, type DeploymentConfig } from '@aws-sdk/client-sagemaker';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { Harness } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);
const update = (name: string, config: string, extra = {}) =>
  harness.control.send(new UpdateEndpointCommand({ EndpointName: name, EndpointConfigName: config, ...extra }));

/** Sends 20 requests a second until told to stop; every answer, or error, with the time it came at. */
function traffic(endpoint: string): { stop(): Promise<{ id?: string; error?: string; sentAt: number }[]> } {
  const sent: Promise<{ id?: string; error?: string; sentAt: number }>[] = [];
  const timer = setInterval(() => {
    const sentAt = Date.now();
    sent.push(
      harness.invoke(endpoint, 'sleep:100').then(
        ({ id }) => ({ id, sentAt }),
        (error: unknown) => ({ error: String(error), sentAt }),
      ),
    );
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return Promise.all(sent);
    },
  };
}

beforeAll(() => harness.start());
afterAll(() => harness.close());

describe('UpdateEndpoint', () => {
  it('switches to the new model without losing a request', async () => {
    for (const id of ['blue-1', 'green-1', 'green-2']) await harness.config(id);
    await harness.endpoint('busy', 'blue-1');
    const requests = traffic('busy');
    const switchedAt: number[] = [];
    for (const config of ['green-1', 'green-2']) {
      await sleep(200);
      await update('busy', config);
      const during = await harness.describe('busy');
      expect(during).toMatchObject({
        EndpointStatus: 'Updating',
        EndpointConfigName: expect.not.stringMatching(config) as string,
        PendingDeploymentSummary: { EndpointConfigName: config },
      });
      const after = await harness.settled('busy');
      switchedAt.push(Date.now());
      expect(after).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: config });
      expect(after.PendingDeploymentSummary).toBeUndefined();
      expect(after.LastModifiedTime?.getTime()).toBeGreaterThan(during.LastModifiedTime?.getTime() ?? 0);
    }
    await sleep(200);
    const answers = await requests.stop();
    expect(answers.filter((answer) => answer.error !== undefined)).toEqual([]);
    expect(new Set(answers.map((answer) => answer.id))).toEqual(new Set(['blue-1', 'green-1', 'green-2']));
    const afterLast = answers.filter((answer) => answer.sentAt > (switchedAt[1] ?? 0));
    expect(afterLast.length).toBeGreaterThan(0);
    expect(afterLast.every((answer) => answer.id === 'green-2')).toBe(true);
  });

  it('finishes requests that the old fleet has before it stops it', async () => {
    for (const id of ['slow-blue', 'slow-green']) await harness.config(id);
    await harness.endpoint('slow', 'slow-blue');
    const long = harness.invoke('slow', 'sleep:4000');
    await sleep(50);
    await update('slow', 'slow-green');
    await expect.poll(async () => (await harness.invoke('slow')).id, { timeout: 3_500 }).toBe('slow-green');
    expect((await long).id).toBe('slow-blue');
    expect((await harness.settled('slow')).EndpointConfigName).toBe('slow-green');
  });

  it('returns to the old config, with the reason, when the new fleet does not come up', async () => {
    await harness.config('good');
    await harness.config('exits', { BEHAVIOUR: 'exit' });
    await harness.endpoint('guarded', 'good');
    const requests = traffic('guarded');
    await update('guarded', 'exits');
    const after = await harness.settled('guarded');
    expect(after).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'good' });
    expect(after.FailureReason).toMatch(
      /^The primary container for production variant AllTraffic did not pass the ping health check\. Please check/,
    );
    expect(after.PendingDeploymentSummary).toBeUndefined();
    await sleep(100);
    expect((await requests.stop()).filter((answer) => answer.id !== 'good')).toEqual([]);

    await harness.config('better');
    await update('guarded', 'better');
    const repaired = await harness.settled('guarded');
    expect(repaired.EndpointConfigName).toBe('better');
    expect(repaired.FailureReason).toBeUndefined();
  });

  it('keeps counts and weights of the variants when asked to', async () => {
    await harness.config('two', {}, { InitialInstanceCount: 2, InitialVariantWeight: 3 });
    await harness.config('one');
    await harness.config('other');
    await harness.endpoint('retained', 'two');
    await update('retained', 'one', { RetainAllVariantProperties: true });
    expect((await harness.settled('retained')).ProductionVariants).toMatchObject([
      { VariantName: 'AllTraffic', CurrentInstanceCount: 2, DesiredInstanceCount: 2, CurrentWeight: 3 },
    ]);
    await update('retained', 'other', {
      RetainAllVariantProperties: true,
      ExcludeRetainedVariantProperties: [{ VariantPropertyType: 'DesiredInstanceCount' }],
    });
    expect((await harness.settled('retained')).ProductionVariants).toMatchObject([
      { CurrentInstanceCount: 1, CurrentWeight: 3 },
    ]);
  });

  it('takes a DeploymentConfig and shows it once it is in service', async () => {
    await harness.config('plain');
    await harness.config('next');
    await harness.endpoint('guardrails', 'plain');
    const config: DeploymentConfig = {
      BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { Type: 'ALL_AT_ONCE', WaitIntervalInSeconds: 0 } },
    };
    await update('guardrails', 'next', { DeploymentConfig: config });
    expect(await harness.settled('guardrails')).toMatchObject({
      EndpointConfigName: 'next',
      LastDeploymentConfig: config,
    });
  });
});
