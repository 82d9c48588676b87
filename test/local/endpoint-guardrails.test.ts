import { CreateEndpointConfigCommand, UpdateEndpointCommand, type DeploymentConfig } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { sharesOf } from '../../local/sagemaker/endpoints/guardrails.js';
import type { CapacitySize, Deployment } from '../../local/sagemaker/endpoints/types.js';
import { Harness } from './fixtures-serve/harness.js';

const harness = new Harness(inject('aws').endpoint);
beforeAll(async () => {
  await harness.start();
  await harness.rule({ kind: 'endpoint', action: 'complete' });
  await harness.config('four', {}, { InitialInstanceCount: 4 });
  await harness.endpoint('guarded', 'four');
  const variant = { ModelName: 'four', InstanceType: 'ml.m5.large', InitialInstanceCount: 4 } as const;
  await harness.control.send(
    new CreateEndpointConfigCommand({
      EndpointConfigName: 'renamed',
      ProductionVariants: [{ VariantName: 'other', ...variant }],
    }),
  );
});
afterAll(() => harness.close());

const percent = (Value: number) => ({ Type: 'CAPACITY_PERCENT' as const, Value });
const count = (Value: number) => ({ Type: 'INSTANCE_COUNT' as const, Value });
const policy = (routing: object, more: object = {}) =>
  ({
    BlueGreenUpdatePolicy: { TrafficRoutingConfiguration: { WaitIntervalInSeconds: 0, ...routing }, ...more },
  }) as DeploymentConfig;
const update = (DeploymentConfig: DeploymentConfig, EndpointConfigName = 'four') =>
  harness.control.send(new UpdateEndpointCommand({ EndpointName: 'guarded', EndpointConfigName, DeploymentConfig }));

describe('a DeploymentConfig', () => {
  it.each<[string, DeploymentConfig, RegExp]>([
    ['an unknown type', policy({ Type: 'SLOWLY' }), /enum value set: \[ALL_AT_ONCE, CANARY, LINEAR\]/],
    [
      'a wait of over an hour',
      policy({ Type: 'ALL_AT_ONCE', WaitIntervalInSeconds: 3601 }),
      /less than or equal to 3600/,
    ],
    ['a canary without a size', policy({ Type: 'CANARY' }), /CanarySize is required/],
    ['a canary of over half', policy({ Type: 'CANARY', CanarySize: percent(51) }), /less than or equal to 50%/],
    ['three of four instances', policy({ Type: 'CANARY', CanarySize: count(3) }), /CanarySize: INSTANCE_COUNT 3/],
    ['a linear step below a tenth', policy({ Type: 'LINEAR', LinearStepSize: percent(9) }), /must be 10-50%/],
    ['the other type’s size', policy({ Type: 'LINEAR', CanarySize: percent(9) }), /CanarySize is not allowed/],
    ['a size all at once', policy({ Type: 'ALL_AT_ONCE', CanarySize: percent(9) }), /CanarySize is not allowed/],
    [
      'a limit below the waits',
      policy(
        { Type: 'LINEAR', LinearStepSize: percent(10), WaitIntervalInSeconds: 60 },
        { MaximumExecutionTimeoutInSeconds: 600 },
      ),
      /must be larger than the total waiting time of the deployment \(600 seconds\)/,
    ],
    [
      'eleven alarms',
      { AutoRollbackConfiguration: { Alarms: Array.from({ length: 11 }, (_, n) => ({ AlarmName: `a${n}` })) } },
      /autoRollbackConfiguration\.alarms' failed .* length less than or equal to 10/,
    ],
    [
      'a rolling update',
      { RollingUpdatePolicy: { MaximumBatchSize: percent(10), WaitIntervalInSeconds: 0 } },
      /not available in local mode/,
    ],
  ])('is refused for %s', async (_, config, message) => {
    await expect(update(config)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(message) as string,
    });
    expect((await harness.describe('guarded')).EndpointStatus).toBe('InService');
  });

  it('needs the same variant names, which an update without one does not', async () => {
    await expect(update(policy({ Type: 'ALL_AT_ONCE' }), 'renamed')).rejects.toThrow(
      /variants other, and the endpoint has AllTraffic: with a DeploymentConfig the variant names must stay the same/,
    );
    await harness.control.send(new UpdateEndpointCommand({ EndpointName: 'guarded', EndpointConfigName: 'renamed' }));
    expect((await harness.settled('guarded')).EndpointConfigName).toBe('renamed');
  });
});

describe('sharesOf', () => {
  const deployment = { variants: [{ instanceCount: 4 }] } as unknown as Deployment;
  const shares = (Type: 'CANARY' | 'LINEAR', size: CapacitySize) =>
    sharesOf(
      {
        BlueGreenUpdatePolicy: {
          TrafficRoutingConfiguration: {
            Type,
            WaitIntervalInSeconds: 0,
            ...(Type === 'CANARY' ? { CanarySize: size } : { LinearStepSize: size }),
          },
        },
      },
      deployment,
    );

  it('gives green its share at each step, all of it at the last', () => {
    expect(sharesOf(undefined, deployment)).toEqual([1]);
    expect(shares('CANARY', percent(5))).toEqual([0.05, 1]);
    expect(shares('CANARY', count(2))).toEqual([0.5, 1]);
    expect(shares('LINEAR', percent(30))).toEqual([0.3, 0.6, 0.9, 1]);
    expect(shares('LINEAR', percent(10))).toHaveLength(10);
    expect(shares('LINEAR', count(1))).toEqual([0.25, 0.5, 0.75, 1]);
  });
});
