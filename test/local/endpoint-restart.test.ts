import { UpdateEndpointCommand } from '@aws-sdk/client-sagemaker';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { Harness } from './fixtures-serve/harness.js';

describe('a restart of the local SageMaker', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await new Harness(inject('aws').endpoint).start();
  });
  afterEach(() => harness.close());

  const update = (config: string) =>
    harness.control.send(new UpdateEndpointCommand({ EndpointName: 'kept', EndpointConfigName: config }));

  it('brings endpoints back, and requests wait for them', async () => {
    await harness.config('model-1');
    await harness.endpoint('kept', 'model-1');
    const before = await harness.invoke('kept');
    await harness.shutDown();
    expect(await harness.alive(before)).toBe(false);

    await harness.boot();
    const after = await harness.invoke('kept');
    expect(after.id).toBe('model-1');
    expect(after.instance).not.toBe(before.instance);
    expect(await harness.describe('kept')).toMatchObject({
      EndpointStatus: 'InService',
      EndpointConfigName: 'model-1',
    });
  });

  it('finishes an update that it interrupted', async () => {
    await harness.config('model-1');
    await harness.config('model-2');
    await harness.endpoint('kept', 'model-1');
    await harness.rule({ kind: 'endpoint', action: 'slow', delayMs: 60_000 });
    await update('model-2');
    await harness.shutDown();

    await harness.boot();
    expect((await harness.describe('kept')).EndpointStatus).toBe('Updating');
    expect(await harness.settled('kept')).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'model-2' });
    expect((await harness.invoke('kept')).id).toBe('model-2');
  });

  it('rolls an interrupted update back if its fleet does not come up', async () => {
    await harness.config('model-1');
    await harness.config('broken', { BEHAVIOUR: 'exit' });
    await harness.endpoint('kept', 'model-1');
    await harness.rule({ kind: 'endpoint', action: 'slow', delayMs: 60_000 });
    await update('broken');
    await harness.shutDown();

    await harness.boot();
    const after = await harness.settled('kept');
    expect(after).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'model-1' });
    expect(after.FailureReason).toContain('did not pass the ping health check');
    expect((await harness.invoke('kept')).id).toBe('model-1');
  });

  it('finishes a creation that it interrupted', async () => {
    await harness.config('model-1');
    await harness.rule({ kind: 'endpoint', action: 'slow', delayMs: 60_000 });
    const created = harness.endpoint('kept', 'model-1').catch((error: unknown) => error);
    while (
      await harness.describe('kept').then(
        () => false,
        () => true,
      )
    );
    await harness.shutDown();
    await created;

    await harness.boot();
    expect((await harness.settled('kept')).EndpointStatus).toBe('InService');
    expect((await harness.invoke('kept')).id).toBe('model-1');
  });
});
