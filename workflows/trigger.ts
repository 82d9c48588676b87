import { workflowInfo } from '@temporalio/workflow';
import type { TriggerInput } from '../contracts/runs.js';
import { triggering } from './profiles.js';
import { SCHEDULED } from './search-attributes.js';

/** What a schedule starts. Its nominal time decides the as-of date, also when the start came late. */
export async function trigger({ definition }: TriggerInput): Promise<void> {
  const nominal = workflowInfo().typedSearchAttributes.get(SCHEDULED) ?? new Date();
  await triggering.signalModel({ definition, request: { trigger: 'schedule' }, scheduledAt: nominal.toISOString() });
}
