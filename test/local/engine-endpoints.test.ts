import { CreateModelCommand, DeleteEndpointCommand, UpdateEndpointCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { inContainers, leftOf, withoutEngine } from './fixtures/engine.js';
import { until } from './fixtures/sagemaker.js';
import { Harness, IMAGE, ROLE } from './fixtures-serve/harness.js';

describe.skipIf(withoutEngine)(`endpoints in containers${withoutEngine ? `: ${withoutEngine}` : ''}`, () => {
  const harness = new Harness(inject('aws').endpoint, {}, inContainers);
  beforeAll(() => harness.start());
  afterAll(async () => {
    await harness.shutDown();
    const left = await leftOf(harness.stateDir);
    await harness.close();
    expect(left).toEqual([]);
  });
  const containers = async () => (await leftOf(harness.stateDir)).length;
  const update = (name: string, config: string) =>
    harness.control.send(new UpdateEndpointCommand({ EndpointName: name, EndpointConfigName: config }));

  it('serve side by side, each on the port of the contract, and switch without a request lost', async () => {
    for (const id of ['one', 'two', 'three']) await harness.config(id);
    expect((await harness.endpoint('first', 'one')).EndpointStatus).toBe('InService');
    expect((await harness.endpoint('second', 'two')).EndpointStatus).toBe('InService');
    expect(await harness.invoke('first')).toMatchObject({ id: 'one', port: 8080 });
    expect(await harness.invoke('second')).toMatchObject({ id: 'two', port: 8080 });
    await update('first', 'three');
    const ids = new Set<string>();
    while ((await harness.describe('first')).EndpointStatus === 'Updating') ids.add((await harness.invoke('first')).id);
    ids.add((await harness.invoke('first')).id);
    expect([...ids]).toEqual(['one', 'three']);
    expect((await harness.describe('first')).EndpointConfigName).toBe('three');
  });

  it('start a program again that died, and go back when a new one does not come up', async () => {
    await harness.invoke('second', 'die').catch(() => undefined);
    await until(() => harness.invoke('second').catch(() => undefined), 'the program to come back');
    await harness.config('broken', { BEHAVIOUR: 'exit' });
    await update('second', 'broken');
    const settled = await harness.settled('second');
    expect(settled).toMatchObject({ EndpointStatus: 'InService', EndpointConfigName: 'two' });
    expect(settled.FailureReason).toMatch(/did not pass the ping health check/);
    expect((await harness.invoke('second')).id).toBe('two');
  });

  it('reach a model without a network of its own only by us', async () => {
    await harness.model('alone');
    const PrimaryContainer = { Image: IMAGE, ModelDataUrl: `s3://${harness.bucket}/alone/model.tar.gz` };
    await harness.control.send(
      new CreateModelCommand({
        ...{ ModelName: 'isolated', ExecutionRoleArn: ROLE, PrimaryContainer },
        EnableNetworkIsolation: true,
      }),
    );
    await harness.config('isolated-config', {}, { ModelName: 'isolated' });
    expect((await harness.endpoint('isolated', 'isolated-config')).FailureReason).toBeUndefined();
    expect((await harness.invoke('isolated')).id).toBe('alone');
  });

  it('come up again after a restart, and leave nothing once they are deleted', async () => {
    await harness.shutDown();
    expect(await containers()).toBe(0);
    await harness.boot();
    await until(() => harness.invoke('first').catch(() => undefined), 'the endpoint after a restart');
    for (const EndpointName of ['first', 'second', 'isolated'])
      await harness.control.send(new DeleteEndpointCommand({ EndpointName }));
    await until(async () => ((await containers()) === 0 ? true : undefined), 'the end of all containers');
  });
});
