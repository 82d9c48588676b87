import {
  DescribeEndpointCommand,
  type DescribeEndpointOutput,
  type PendingProductionVariantSummary,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { ApplicationFailure } from '@temporalio/common';
import { fail, missingAsUndefined, withFailures } from '../errors.js';
import { spanInWords } from '../waiting.js';

/** Characters of a variant's message that a wait repeats. */
const LONGEST_MESSAGE = 200;

type VariantStatus = NonNullable<PendingProductionVariantSummary['VariantStatus']>[number];

/** DescribeEndpoint; undefined if there is none. */
export async function describeEndpoint(
  sagemaker: SageMakerClient,
  endpoint: string,
): Promise<DescribeEndpointOutput | undefined> {
  return missingAsUndefined(() =>
    withFailures({ action: 'DescribeEndpoint', resource: `endpoint ${endpoint}` }, () =>
      sagemaker.send(new DescribeEndpointCommand({ EndpointName: endpoint })),
    ),
  );
}

/**
 * What an endpoint is to a run that wants its config on it: `absent`; `ours`, on that config or on its way to it; `free` to be updated;
 * `busy` with something else, after which it can be asked again.
 */
export type Standing =
  | { readonly kind: 'absent' }
  | { readonly kind: 'ours'; readonly status: string; readonly previousConfig?: string }
  | { readonly kind: 'free'; readonly live: DescribeEndpointOutput }
  | { readonly kind: 'busy'; readonly words: string };

/** Fails with EndpointFailed for an endpoint that can only be deleted, UnknownStatus for a status that isn't known. */
export function standingOf(live: DescribeEndpointOutput | undefined, config: string): Standing {
  if (!live) return { kind: 'absent' };
  const status = live.EndpointStatus;
  const pending = live.PendingDeploymentSummary?.EndpointConfigName;
  const onIt = live.EndpointConfigName === config;
  const busy = {
    kind: 'busy',
    words: `${status}: endpoint ${live.EndpointName} moves to ${pending ?? 'another state'}, waiting for it`,
  } as const;
  switch (status) {
    case 'InService':
      return onIt ? { kind: 'ours', status } : { kind: 'free', live };
    case 'Creating':
      return onIt ? { kind: 'ours', status } : busy;
    case 'Updating':
      return pending === config ? { kind: 'ours', status, previousConfig: live.EndpointConfigName } : busy;
    case 'SystemUpdating':
    case 'RollingBack':
    case 'Deleting':
      return busy;
    case 'OutOfService':
    case 'UpdateRollbackFailed':
      return { kind: 'free', live };
    case 'Failed':
      if (onIt) return { kind: 'ours', status };
      throw fail(
        'EndpointFailed',
        `Endpoint ${live.EndpointName} is in status Failed, in which SageMaker allows nothing but to delete it${because(live)}. Run "perennial endpoint delete <model>", then start a new run`,
      );
    default:
      throw unknownEndpointStatus(live);
  }
}

/** Whether the endpoint serves with the wanted config: true, not yet (false), or the failure it ended in. */
export function verdictOn(live: DescribeEndpointOutput, config: string, region: string): boolean | ApplicationFailure {
  const endpoint = live.EndpointName;
  const logs = `The containers' log is in CloudWatch Logs in ${region}: group /aws/sagemaker/Endpoints/${endpoint}`;
  switch (live.EndpointStatus) {
    case 'InService':
      // A failed update comes back InService on the old config, at times without a reason: the config alone tells.
      if (live.EndpointConfigName === config) return true;
      return fail(
        'DeploymentRolledBack',
        `Endpoint ${endpoint} is back in service on ${live.EndpointConfigName}, not on ${config}${because(live)}. The old model went on serving. ${logs}`,
      );
    case 'Creating':
    case 'Updating':
    case 'SystemUpdating':
    case 'RollingBack':
      return false;
    case 'Failed':
    case 'OutOfService':
    case 'UpdateRollbackFailed':
      return fail(
        'EndpointFailed',
        `Endpoint ${endpoint} is in status ${live.EndpointStatus}${because(live)}. ${logs}`,
      );
    default:
      return unknownEndpointStatus(live);
  }
}

/**
 * How far a deployment has come, for people: `Updating: endpoint e, new fleet Baking for 2 min (10% of the traffic)`. Shares and steps are
 * in SageMaker's own message only: the weights of a pending deployment are those of its variants.
 */
export function stageOf(live: DescribeEndpointOutput, now = Date.now()): string {
  const words = `${live.EndpointStatus}: endpoint ${live.EndpointName}`;
  const shown = (live.PendingDeploymentSummary?.ProductionVariants ?? []).flatMap(
    ({ VariantStatus = [] }) => VariantStatus,
  );
  const newest = shown.reduce<VariantStatus | undefined>(
    (last, one) => (Number(one.StartTime ?? 0) >= Number(last?.StartTime ?? 0) ? one : last),
    undefined,
  );
  if (!newest?.Status) return words;
  const since = newest.StartTime ? ` for ${spanInWords(Math.max(0, now - newest.StartTime.getTime()))}` : '';
  const message = newest.StatusMessage?.trim().replace(/\.$/, '');
  return `${words}, new fleet ${newest.Status}${since}${message ? ` (${message.slice(0, LONGEST_MESSAGE)})` : ''}`;
}

/** A status that Perennial doesn't know, or that no endpoint it waits for should have. */
export const unknownEndpointStatus = ({ EndpointName, EndpointStatus }: DescribeEndpointOutput) =>
  fail(
    'UnknownStatus',
    `Endpoint ${EndpointName} is in status "${EndpointStatus ?? ''}", which isn't expected here and isn't taken for a success: look at it in the SageMaker console, then start a new run`,
  );

function because({ FailureReason }: DescribeEndpointOutput): string {
  return FailureReason?.trim() ? `: ${FailureReason.trim().replace(/\.$/, '')}` : ' (SageMaker gave no reason)';
}
