import { parseDeploymentName, parseTrainingJobName, runId } from '../../contracts/names.js';
import type { BusEvent } from './messages.js';

/** A wait that an event ends: the activity of a run that would otherwise look again when its poll interval is over. */
export interface Wake {
  readonly workflowId: string;
  readonly activity: 'awaitTrainingJob' | 'awaitEndpoint';
}

/** Statuses that end no wait. Any other, an unknown one too, is worth a look: the activity judges it, the event only says when. */
const UNDER_WAY = new Set([
  'InProgress',
  'Stopping',
  'CREATING',
  'UPDATING',
  'SYSTEM_UPDATING',
  'ROLLING_BACK',
  'DELETING',
]);

/**
 * The wait that a SageMaker state change ends, or undefined for an event that ends none of ours. Runs are found by the names of their
 * resources, so nothing has to be looked up, and an event of somebody else's job is simply not ours.
 */
export function wakeOf(event: Pick<BusEvent, 'source' | 'detail-type' | 'detail'>): Wake | undefined {
  if (event.source !== 'aws.sagemaker') return undefined;
  const text = (key: string) => (typeof event.detail[key] === 'string' ? event.detail[key] : '');
  switch (event['detail-type']) {
    case 'SageMaker Training Job State Change': {
      const run = parseTrainingJobName(text('TrainingJobName'));
      if (!run || UNDER_WAY.has(text('TrainingJobStatus'))) return undefined;
      return { workflowId: runId(run.model, run.time), activity: 'awaitTrainingJob' };
    }
    case 'SageMaker Endpoint State Change': {
      // After a roll-back the event names the old config: that run is over, and the waiting one sees it at its next look.
      const run = parseDeploymentName(text('EndpointConfigName'));
      if (!run || UNDER_WAY.has(text('EndpointStatus'))) return undefined;
      return { workflowId: runId(run.model, run.time), activity: 'awaitEndpoint' };
    }
    default:
      return undefined;
  }
}
