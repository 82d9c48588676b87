import type { Context } from '../context.js';
import { tagsOf } from '../tags.js';
import type { DeployedVariant, Deployment, EndpointConfigRecord, EndpointRecord, Progress } from './types.js';
import { millis, present, tagMap } from './wire.js';

/** DescribeEndpoint's answer. */
export function describeEndpoint(ctx: Context, record: EndpointRecord): Record<string, unknown> {
  const { current, pending, progress } = record;
  return present({
    EndpointName: record.name,
    EndpointArn: record.arn,
    // While updating it is still the old one: only an update that succeeded changes it.
    EndpointConfigName: (current ?? pending)?.configName ?? record.failedConfigName,
    ProductionVariants: current?.variants.map((variant) => ({
      ...summarize(variant, current),
      ...(progress?.phase === 'Deleting' && { VariantStatus: [variantStatus(progress)] }),
    })),
    DataCaptureConfig: captureSummary(ctx, current),
    EndpointStatus: record.status,
    FailureReason: record.failureReason,
    CreationTime: record.createdAt / 1000,
    LastModifiedTime: record.modifiedAt / 1000,
    LastDeploymentConfig: record.deploymentConfig,
    PendingDeploymentSummary: pending && {
      EndpointConfigName: pending.configName,
      StartTime: pending.createdAt / 1000,
      ProductionVariants: pending.variants.map((variant) => ({
        ...summarize(variant, pending),
        InstanceType: variant.instanceType,
        VariantStatus: [pendingStatus(pending, progress)],
      })),
    },
  });
}

/** While the replaced fleet ends, the new one has nothing left to do but to be counted in. */
function pendingStatus(pending: Deployment, progress: Progress | undefined): Record<string, unknown> {
  if (!progress) return { Status: 'Creating', StartTime: pending.createdAt / 1000 };
  return { ...variantStatus(progress), ...(progress.phase === 'Deleting' && { Status: 'Updating' }) };
}

function variantStatus({ phase, since, message }: Progress): Record<string, unknown> {
  return { Status: phase, StatusMessage: message, StartTime: since / 1000 };
}

function summarize(variant: DeployedVariant, deployment: Deployment): Record<string, unknown> {
  return {
    VariantName: variant.name,
    DeployedImages: [{ SpecifiedImage: variant.image, ResolutionTime: deployment.createdAt / 1000 }],
    CurrentWeight: variant.weight,
    DesiredWeight: variant.weight,
    CurrentInstanceCount: variant.instanceCount,
    DesiredInstanceCount: variant.instanceCount,
  };
}

/** Capture is accepted only switched off, so that is what it is; absent where the config has none. */
function captureSummary(ctx: Context, deployment: Deployment | undefined): Record<string, unknown> | undefined {
  const config = deployment && ctx.store.get<EndpointConfigRecord>('endpoint-config', deployment.configName);
  const capture = config?.['DataCaptureConfig'] as Record<string, unknown> | undefined;
  return (
    capture && {
      EnableCapture: false,
      CaptureStatus: 'Stopped',
      CurrentSamplingPercentage: capture['InitialSamplingPercentage'],
      DestinationS3Uri: capture['DestinationS3Uri'],
      KmsKeyId: capture['KmsKeyId'] ?? '',
    }
  );
}

/** Sends `SageMaker Endpoint State Change`: Describe's members, the status as `IN_SERVICE`, times as strings. */
export function emitEndpoint(ctx: Context, record: EndpointRecord, status: string = record.status): void {
  const detail = {
    ...describeEndpoint(ctx, record),
    EndpointStatus: status.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase(),
    CreationTime: millis(record.createdAt / 1000),
    LastModifiedTime: millis(record.modifiedAt / 1000),
    Tags: tagMap(tagsOf(ctx, record.arn)),
  };
  ctx.emit('SageMaker Endpoint State Change', detail, [record.arn]);
}
