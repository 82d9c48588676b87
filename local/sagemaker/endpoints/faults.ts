import type { Control, ControlRule } from '../context.js';
import { NO_CAPACITY, pause } from '../faults.js';
import { DeploymentFailure } from './fleet.js';
import type { EndpointRecord } from './types.js';

/** How an endpoint looks after a deployment that did not succeed. `status` is for good; without it it says so. */
export interface Ending {
  readonly kind: 'rolled back' | 'silent' | 'rollback failed' | 'stranded';
  readonly status?: string;
}

/** A deployment that a control rule made fail, with how the endpoint is to end. */
export class ControlledFailure extends DeploymentFailure {
  constructor(
    message: string,
    readonly ending: Ending,
  ) {
    super(message);
  }
}

/**
 * Carries out what a control rule has in store for a deployment, before its fleet starts. `show` changes the status
 * that Describe answers. Throws ControlledFailure, or what aborted the waiting.
 */
export async function meetFault(
  record: EndpointRecord,
  control: Control,
  show: (status: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const fault = record.pendingFault;
  if (!fault) return;
  if (fault.action === 'status') show(String(fault.status));
  await pause(fault, control, signal);
  switch (fault.action) {
    case 'slow':
      return;
    case 'status':
      if (fault.delayMs === undefined) throw failure(fault, '', { kind: 'stranded', status: String(fault.status) });
      return show(record.status);
    case 'fail':
      throw failure(fault, `The deployment was made to fail by control rule ${fault.id}.`, { kind: 'rolled back' });
    case 'capacity':
      throw failure(fault, NO_CAPACITY, { kind: 'rolled back' });
    case 'silent-rollback':
      throw failure(fault, '', { kind: 'silent' });
    case 'rollback-failed':
      throw failure(fault, `The rollback was made to fail by control rule ${fault.id}.`, { kind: 'rollback failed' });
    case 'complete':
    case 'quota':
    case 'stop':
      return;
    default:
      fault.action satisfies never;
  }
}

/** The status that an endpoint has in the end which something was in service on before. */
export function statusAfter({ kind, status }: Ending): string {
  switch (kind) {
    case 'rolled back':
    case 'silent':
      return 'InService';
    case 'rollback failed':
      return 'UpdateRollbackFailed';
    case 'stranded':
      return String(status);
  }
}

function failure(fault: ControlRule, text: string, ending: Ending): ControlledFailure {
  return new ControlledFailure(fault.reason ?? text, ending);
}
