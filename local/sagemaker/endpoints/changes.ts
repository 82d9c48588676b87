import { ControlledFailure, statusAfter, type Ending } from './faults.js';
import type { Deployment, EndpointRecord } from './types.js';

/** Characters that SageMaker keeps of a FailureReason. */
const LONGEST_REASON = 1024;

const NOTHING_PENDING = {
  pending: undefined,
  pendingFault: undefined,
  pendingDeploymentConfig: undefined,
  progress: undefined,
} as const;

/** A deployment that succeeded. */
export function inService(record: EndpointRecord, deployment: Deployment): Partial<EndpointRecord> {
  return {
    ...NOTHING_PENDING,
    status: 'InService',
    current: deployment,
    failureReason: undefined,
    deploymentConfig: record.pendingDeploymentConfig ?? record.deploymentConfig,
  };
}

/** How an endpoint ends whose deployment failed so. */
export function endingOf(error: Error): Ending {
  return error instanceof ControlledFailure ? error.ending : { kind: 'rolled back' };
}

/** On the way back to what was in service. The fault stays, as it says how that ends. */
export function rollback(error: Error): Partial<EndpointRecord> {
  return {
    status: 'RollingBack',
    failureReason: reasonOf(error),
    pending: undefined,
    pendingDeploymentConfig: undefined,
    progress: undefined,
  };
}

/** The end of a rollback that a restart found under way. */
export function afterRollback({ pendingFault }: EndpointRecord): Partial<EndpointRecord> {
  const kind = pendingFault?.action === 'rollback-failed' ? 'rollback failed' : 'rolled back';
  return { pendingFault: undefined, status: statusAfter({ kind }) };
}

/** The end of a deployment that failed; without anything in service before, the endpoint Failed. */
export function failed(record: EndpointRecord, error: Error, ending: Ending): Partial<EndpointRecord> {
  const end = { ...NOTHING_PENDING, failureReason: reasonOf(error), status: statusAfter(ending) };
  if (record.current) return end;
  const status = ending.kind === 'stranded' ? end.status : 'Failed';
  return { ...end, status, ...(record.pending && { failedConfigName: record.pending.configName }) };
}

function reasonOf(error: Error): string | undefined {
  return error.message.slice(0, LONGEST_REASON) || undefined;
}
