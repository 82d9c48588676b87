import { setTimeout as sleep } from 'node:timers/promises';
import { CloudWatchClient, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import {
  DescribeEndpointCommand,
  DescribeEndpointConfigCommand,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { Client } from '@temporalio/client';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { awsSettings, type Env } from '../../examples/demo/account.js';
import { benchDefinition } from './models.js';
import { until } from './waiting.js';

/** Image whose model, if its job had SICKENS in its environment, stops answering /ping so many milliseconds after it came up. */
export const SICKENING_IMAGE = 'sickening';

/** A definition on that image. */
export function releaseDefinition(name: string, endpoint: DefinitionInput['endpoint']): DefinitionInput {
  const training = { image: `${SICKENING_IMAGE}:1`, hyperparameters: { predictor_type: 'regressor' } };
  return { ...benchDefinition(name), training, endpoint };
}

/** A CloudWatch alarm that goes into ALARM when it is told to. */
export class Alarm {
  private readonly client: CloudWatchClient;

  constructor(
    readonly name: string,
    env: Env,
  ) {
    this.client = new CloudWatchClient(awsSettings(env));
  }

  async make(): Promise<void> {
    await this.client.send(
      new PutMetricAlarmCommand({
        AlarmName: this.name,
        Namespace: 'AWS/SageMaker',
        MetricName: 'Invocation5XXErrors',
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanThreshold',
      }),
    );
    await this.set('OK');
  }

  async set(StateValue: 'OK' | 'ALARM'): Promise<void> {
    await this.client.send(new SetAlarmStateCommand({ AlarmName: this.name, StateValue, StateReason: 'bench' }));
  }

  close = () => this.client.destroy();
}

/** Waits until an endpoint's new fleet bakes, and for so much longer. */
export async function untilBaking(
  context: { readonly signal: AbortSignal },
  sagemaker: SageMakerClient,
  EndpointName: string,
  forMs: number,
): Promise<void> {
  const bakes = async () => {
    const { PendingDeploymentSummary } = await sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
    return PendingDeploymentSummary?.ProductionVariants?.[0]?.VariantStatus?.[0]?.Status === 'Baking';
  };
  await until(context, `the new fleet of ${EndpointName} bakes`, bakes, 120_000);
  await sleep(forMs, undefined, { signal: context.signal });
}

/** What the Temporal UI shows of a run's pending activity. */
export async function waitShown(client: Client, run: string): Promise<string | undefined> {
  const { raw } = await client.workflow.getHandle(run).describe();
  return raw.pendingActivities?.[0]?.lastFailure?.message ?? undefined;
}

/** Whether an endpoint is in service on exactly this config, which is there. */
export async function servesOn(sagemaker: SageMakerClient, EndpointName: string, config: string): Promise<boolean> {
  const { EndpointStatus, EndpointConfigName } = await sagemaker.send(new DescribeEndpointCommand({ EndpointName }));
  const found = await sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config }));
  return EndpointStatus === 'InService' && EndpointConfigName === config && found.EndpointConfigName === config;
}
