import { EndpointStatus } from '@aws-sdk/client-sagemaker';
import { arn } from '../arn.js';
import { ApiError, type Context, type Operation } from '../context.js';
import { refuseOverQuota } from '../faults.js';
import { page } from '../paging.js';
import { readTags, setTags } from '../tags.js';
import { Fields, NAME_PATTERN, requireName } from '../validate.js';
import { getConfig } from './configs.js';
import { resolveDeployment, type Retained } from './deployment.js';
import { describeEndpoint } from './describe.js';
import { assertFits, checkDeploymentConfig, readDeploymentConfig } from './guardrails.js';
import type { EndpointLifecycle } from './lifecycle.js';
import { isInProgress, type Deployment, type EndpointRecord } from './types.js';
import { present } from './wire.js';

const PROPERTIES = ['DesiredInstanceCount', 'DesiredWeight', 'DataCaptureConfig'] as const;

/** CreateEndpoint, DescribeEndpoint, UpdateEndpoint, ListEndpoints and DeleteEndpoint. */
export function endpointOperations(lifecycle: EndpointLifecycle): Readonly<Record<string, Operation>> {
  return {
    CreateEndpoint(input, ctx) {
      const fields = new Fields(input);
      const name = fields.string('EndpointName', { required: true, max: 63, pattern: NAME_PATTERN }) ?? '';
      const config = fields.string('EndpointConfigName', { required: true, max: 63, pattern: NAME_PATTERN }) ?? '';
      checkDeploymentConfig(fields);
      const tags = readTags(input, fields);
      fields.done();
      const endpointArn = arn(ctx.config, 'endpoint', name);
      if (ctx.store.get('endpoint', name)) {
        throw new ApiError('ValidationException', `Cannot create already existing endpoint "${endpointArn}".`);
      }
      const resolved = resolveDeployment(ctx, getConfig(ctx, config));
      const deploymentConfig = readDeploymentConfig(input);
      if (deploymentConfig) assertFits(deploymentConfig, resolved);
      const { pending, pendingFault } = planned(ctx, name, 'Creating', resolved);
      // Before the endpoint, so that it is never seen without its tags.
      setTags(ctx, endpointArn, tags);
      const at = resolved.createdAt;
      const record: EndpointRecord = {
        name,
        arn: endpointArn,
        status: 'Creating',
        createdAt: at,
        modifiedAt: at,
        pending,
        ...present({ pendingFault, pendingDeploymentConfig: deploymentConfig }),
      };
      lifecycle.deploy(record);
      return Promise.resolve({ EndpointArn: endpointArn });
    },

    DescribeEndpoint(input, ctx) {
      return Promise.resolve(describeEndpoint(ctx, getEndpoint(ctx, requireName(input, 'EndpointName'))));
    },

    UpdateEndpoint(input, ctx) {
      const fields = new Fields(input);
      const name = fields.string('EndpointName', { required: true, max: 63, pattern: NAME_PATTERN }) ?? '';
      const config = fields.string('EndpointConfigName', { required: true, max: 63, pattern: NAME_PATTERN }) ?? '';
      const retain = fields.boolean('RetainAllVariantProperties') ?? false;
      const excluded = fields
        .structures('ExcludeRetainedVariantProperties', { max: 3 })
        .map((property) => property.string('VariantPropertyType', { required: true, values: PROPERTIES }));
      const retainConfig = fields.boolean('RetainDeploymentConfig') ?? false;
      checkDeploymentConfig(fields);
      fields.done();
      const record = getEndpoint(ctx, name);
      refuseInProgress(record);
      if (!record.current) {
        throw new ApiError(
          'ValidationException',
          `Cannot update endpoint "${record.arn}" in status ${record.status}: delete it and create it again.`,
        );
      }
      const retained: Retained | undefined = retain
        ? {
            variants: record.current.variants,
            instanceCounts: !excluded.includes('DesiredInstanceCount'),
            weights: !excluded.includes('DesiredWeight'),
          }
        : undefined;
      const resolved = resolveDeployment(ctx, getConfig(ctx, config), retained);
      const deploymentConfig = readDeploymentConfig(input) ?? (retainConfig ? record.deploymentConfig : undefined);
      if (deploymentConfig) assertFits(deploymentConfig, resolved, record.current);
      lifecycle.deploy({
        ...record,
        status: 'Updating',
        failureReason: undefined,
        ...planned(ctx, name, 'Updating', resolved),
        pendingDeploymentConfig: deploymentConfig,
      });
      return Promise.resolve({ EndpointArn: record.arn });
    },

    ListEndpoints(input, ctx) {
      const { items, ...rest } = page(input, ctx.store.list<EndpointRecord>('endpoint'), {
        name: (endpoint) => endpoint.name,
        created: (endpoint) => endpoint.createdAt / 1000,
        modified: (endpoint) => endpoint.modifiedAt / 1000,
        status: (endpoint) => endpoint.status,
        statuses: Object.values(EndpointStatus),
      });
      const Endpoints = items.map((endpoint) => ({
        EndpointName: endpoint.name,
        EndpointArn: endpoint.arn,
        CreationTime: endpoint.createdAt / 1000,
        LastModifiedTime: endpoint.modifiedAt / 1000,
        EndpointStatus: endpoint.status,
      }));
      return Promise.resolve({ Endpoints, ...rest });
    },

    DeleteEndpoint(input, ctx) {
      const record = getEndpoint(ctx, requireName(input, 'EndpointName'));
      refuseInProgress(record);
      lifecycle.remove(record);
      return Promise.resolve({});
    },
  };
}

function getEndpoint(ctx: Context, name: string): EndpointRecord {
  const record = ctx.store.get<EndpointRecord>('endpoint', name);
  if (!record)
    throw new ApiError('ValidationException', `Could not find endpoint "${arn(ctx.config, 'endpoint', name)}".`);
  return record;
}

function refuseInProgress(record: EndpointRecord): void {
  if (!isInProgress(record)) return;
  throw new ApiError('ValidationException', `Cannot update in-progress endpoint "${record.arn}".`);
}

/** The deployment as control rules want it. Throws ResourceLimitExceeded if one of them says so. */
function planned(
  ctx: Context,
  name: string,
  stage: 'Creating' | 'Updating',
  deployment: Deployment,
): Pick<EndpointRecord, 'pending' | 'pendingFault'> {
  const plan = ctx.control.take('endpoint', name, stage);
  const { instanceType, instanceCount } = deployment.variants[0] ?? {};
  refuseOverQuota(plan, `${instanceType} for endpoint usage`, 'Instances', instanceCount);
  return { pending: { ...deployment, ...(plan.canned && { canned: true }) }, pendingFault: plan.fault };
}
