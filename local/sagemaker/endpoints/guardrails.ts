import { ApiError } from '../context.js';
import type { Fields } from '../validate.js';
import { unavailable } from './containers.js';
import type { CapacitySize, Deployment, DeploymentConfig } from './types.js';

/** AWS: what one step may turn on of a fleet, in percent. */
const LARGEST_STEP = 50;
const SMALLEST_LINEAR_STEP = 10;

/** Checks the shape of a request's DeploymentConfig into `fields`. */
export function checkDeploymentConfig(fields: Fields): void {
  const config = fields.structure('DeploymentConfig');
  const policy = config?.structure('BlueGreenUpdatePolicy');
  const routing = policy?.structure('TrafficRoutingConfiguration', { required: true });
  routing?.string('Type', { required: true, values: ['ALL_AT_ONCE', 'CANARY', 'LINEAR'] });
  routing?.integer('WaitIntervalInSeconds', { required: true, min: 0, max: 3600 });
  for (const member of ['CanarySize', 'LinearStepSize']) {
    const size = routing?.structure(member);
    size?.string('Type', { required: true, values: ['INSTANCE_COUNT', 'CAPACITY_PERCENT'] });
    size?.integer('Value', { required: true, min: 1 });
  }
  policy?.integer('TerminationWaitInSeconds', { min: 0, max: 3600 });
  policy?.integer('MaximumExecutionTimeoutInSeconds', { min: 600, max: 28_800 });
  const rollback = config?.structure('AutoRollbackConfiguration');
  for (const alarm of rollback?.structures('Alarms', { min: 1, max: 10 }) ?? []) {
    alarm.string('AlarmName', { required: true, min: 1, max: 255, pattern: '^(?!\\s*$).+' });
  }
}

/** A request's DeploymentConfig, once its shape is right. What local mode can't carry out is refused. */
export function readDeploymentConfig(input: Record<string, unknown>): DeploymentConfig | undefined {
  const config = input['DeploymentConfig'] as (DeploymentConfig & { RollingUpdatePolicy?: unknown }) | null | undefined;
  if (!config) return undefined;
  if (config.RollingUpdatePolicy != null) throw unavailable('DeploymentConfig with RollingUpdatePolicy');
  return config;
}

/**
 * Throws ValidationException for a DeploymentConfig that AWS documents as impossible for this deployment: steps that
 * are too large or too small, a missing or needless step size, waits beyond the time limit, other variant names than
 * what is in service has.
 */
export function assertFits(config: DeploymentConfig, next: Deployment, current?: Deployment): void {
  const policy = config.BlueGreenUpdatePolicy;
  if (policy) assertPolicy(policy, next);
  if (!current) return;
  const [before, after] = [current, next].map(({ variants }) => variants.map(({ name }) => name).sort());
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    refuse(
      `The endpoint configuration "${next.configName}" has the variants ${after?.join(', ')}, and the endpoint has ${before?.join(', ')}: with a DeploymentConfig the variant names must stay the same.`,
    );
  }
}

function assertPolicy(policy: NonNullable<DeploymentConfig['BlueGreenUpdatePolicy']>, next: Deployment): void {
  const { Type, WaitIntervalInSeconds: wait, CanarySize, LinearStepSize } = policy.TrafficRoutingConfiguration;
  const needed = { ALL_AT_ONCE: undefined, CANARY: 'CanarySize', LINEAR: 'LinearStepSize' }[Type];
  for (const [member, size] of Object.entries({ CanarySize, LinearStepSize })) {
    if (member === needed && !size) refuse(`${member} is required for traffic routing of type ${Type}.`);
    if (member !== needed && size) refuse(`${member} is not allowed for traffic routing of type ${Type}.`);
    if (size) assertSize(member, size, member === 'CanarySize' ? 0 : SMALLEST_LINEAR_STEP, next);
  }
  const { TerminationWaitInSeconds: termination = 0, MaximumExecutionTimeoutInSeconds: limit } = policy;
  const waits = wait * sharesOf({ BlueGreenUpdatePolicy: policy }, next).length + termination;
  if (limit !== undefined && limit <= waits) {
    refuse(
      `MaximumExecutionTimeoutInSeconds (${limit}) must be larger than the total waiting time of the deployment (${waits} seconds).`,
    );
  }
}

function assertSize(member: string, size: CapacitySize, smallest: number, { variants }: Deployment): void {
  const rule = `${smallest > 0 ? `${smallest}-${LARGEST_STEP}%` : `less than or equal to ${LARGEST_STEP}%`} of the variant's total instance count`;
  for (const { name, instanceCount } of variants) {
    const percent = size.Type === 'CAPACITY_PERCENT' ? size.Value : (size.Value / instanceCount) * 100;
    if (percent >= smallest && percent <= LARGEST_STEP) continue;
    refuse(
      `Invalid ${member}: ${size.Type} ${size.Value} for variant "${name}" of ${instanceCount} instance(s). Value must be ${rule}.`,
    );
  }
}

/** The share of the traffic that the new fleet has at each step; the last one is 1. */
export function sharesOf(config: DeploymentConfig | undefined, { variants }: Deployment): number[] {
  const routing = config?.BlueGreenUpdatePolicy?.TrafficRoutingConfiguration;
  const size = routing?.CanarySize ?? routing?.LinearStepSize;
  if (!routing || !size) return [1];
  const instances = variants.reduce((sum, { instanceCount }) => sum + instanceCount, 0);
  const [value, whole] =
    size.Type === 'CAPACITY_PERCENT' ? [size.Value, 100] : [size.Value * variants.length, instances];
  if (routing.Type === 'CANARY') return [value / whole, 1];
  return Array.from({ length: Math.ceil(whole / value) }, (_, step) => Math.min(((step + 1) * value) / whole, 1));
}

/** Names of the alarms that roll a deployment back. */
export function alarmsOf(config: DeploymentConfig | undefined): string[] {
  return (config?.AutoRollbackConfiguration?.Alarms ?? []).map(({ AlarmName }) => AlarmName);
}

/** Whether a deployment goes through stages that can be seen, and isn't over once its fleet is healthy. */
export function isGradual(config: DeploymentConfig | undefined): boolean {
  const policy = config?.BlueGreenUpdatePolicy;
  const routing = policy?.TrafficRoutingConfiguration;
  const waits = (routing?.WaitIntervalInSeconds ?? 0) + (policy?.TerminationWaitInSeconds ?? 0);
  return (routing && routing.Type !== 'ALL_AT_ONCE') || waits > 0 || alarmsOf(config).length > 0;
}

function refuse(message: string): never {
  throw new ApiError('ValidationException', message);
}
