import { channelPrefixes } from '../../activities/data/listing.js';
import { datedAs } from '../../activities/data/dates.js';
import { parseDeploymentName, parseTrainingJobName } from '../../contracts/names.js';
import type { ModelTriggers } from '../../contracts/triggers.js';
import type { BusEvent, Created } from './messages.js';

type Declared = NonNullable<ModelTriggers['events']>[number];

/** Whether an object is training data of the model: dated, under train or a channel, with content, and nothing a run wrote. */
export function isNewData({ data }: ModelTriggers, { bucket, key, size }: Created): boolean {
  // Objects without content are folder markers, which no run reads.
  if (bucket !== data.bucket || size === 0 || key.startsWith(data.output)) return false;
  return channelPrefixes({ data }).some(
    ({ prefix }) => key.startsWith(prefix) && datedAs(key.slice(prefix.length)) !== undefined,
  );
}

/** Whether an event is one that a definition declares: EventBridge's own rules for plain values. */
export function matches(declared: Declared, event: BusEvent): boolean {
  return (
    declared.source === event.source &&
    declared.detailType === event['detail-type'] &&
    holds(declared.detail ?? {}, event.detail)
  );
}

function holds(pattern: object, found: unknown): boolean {
  if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
  return Object.entries(pattern).every(([key, wanted]: [string, unknown]) => {
    if (!Object.hasOwn(found, key)) return false;
    const value = (found as Record<string, unknown>)[key];
    if (typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted)) return holds(wanted, value);
    const allowed: unknown[] = Array.isArray(wanted) ? wanted : [wanted];
    // A list in the event fits if one of its values does.
    return (Array.isArray(value) ? value : [value]).some((one) => allowed.includes(one));
  });
}

/** Whether a run of this model caused the event itself: a run that its own training job starts would never end. */
export function isOwnDoing(
  model: string,
  { data }: ModelTriggers,
  event: BusEvent,
  created: readonly Created[],
): boolean {
  if (created.some(({ bucket, key }) => bucket === data.bucket && key.startsWith(data.output))) return true;
  if (event.source !== 'aws.sagemaker') return false;
  const text = (key: string) => (typeof event.detail[key] === 'string' ? event.detail[key] : '');
  return (
    parseTrainingJobName(text('TrainingJobName'))?.model === model ||
    parseDeploymentName(text('EndpointConfigName'))?.model === model ||
    parseDeploymentName(text('ModelName'))?.model === model
  );
}
