import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { Answered, CompareInput, InsightActivities, LogsInput, ReportInput } from '../contracts/insight.js';

// Short workflows behind `perennial compare`, `report` and `logs`: their answers travel as exchange objects.

/** Questions of a person at a terminal that read many records, or wait for the next line of a log. */
const insight = proxyActivities<InsightActivities>({
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '4m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 3 },
  cancellationType: ActivityCancellationType.TRY_CANCEL,
});

/** What went into runs and what came out. */
export async function compareRuns(input: CompareInput): Promise<Answered> {
  return insight.compareRuns(input);
}

/** Everything that the report of a model shows. */
export async function collectReport(input: ReportInput): Promise<Answered> {
  return insight.collectReport(input);
}

/** What programs have written since the last look. */
export async function readLogs(input: LogsInput): Promise<Answered> {
  return insight.readLogs(input);
}
