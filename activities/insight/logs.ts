import {
  GetLogEventsCommand,
  paginateDescribeLogStreams,
  type CloudWatchLogsClient,
} from '@aws-sdk/client-cloudwatch-logs';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { LogPage, LogPages, LogsInput } from '../../contracts/insight.js';
import { isFailure, withFailures } from '../errors.js';
import type { InsightClients } from './index.js';
import { describeJob } from './training.js';

/** Events of an answer, shared by its streams, and the fewest of a stream. CloudWatch Logs gives 10,000 or a megabyte at once. */
const MOST_EVENTS = 20_000;
const MOST_EVENTS_A_STREAM = 10_000;
const LEAST_EVENTS_A_STREAM = 100;
/** Streams read at the same time: CloudWatch Logs takes 25 calls of GetLogEvents a second from an account. */
const READERS = 8;

/** The next page of each stream, and how the training job stands. */
export async function readLogs(
  { cloudWatchLogs, sagemaker }: Pick<InsightClients, 'cloudWatchLogs' | 'sagemaker'>,
  input: LogsInput,
): Promise<LogPages> {
  // Its status first: what is read after a job's end has all that it wrote, but for what CloudWatch Logs takes a moment to show.
  const about = input.trainingJob === undefined ? {} : await jobState(sagemaker, input.trainingJob);
  const { group } = input;
  try {
    const permission = 'logs:DescribeLogStreams and logs:GetLogEvents';
    const pages = await withFailures({ resource: `log group ${group}`, action: 'read', permission }, () =>
      readPages(cloudWatchLogs, input),
    );
    return { found: pages.length > 0, pages, ...about };
  } catch (error) {
    // A group or stream is there once something was written to it.
    if (!isFailure(error, 'ResourceMissing')) throw error;
    return { found: false, pages: [], ...about };
  }
}

async function jobState(sagemaker: InsightClients['sagemaker'], name: string) {
  const job = await describeJob(sagemaker, name);
  return { jobStatus: job?.TrainingJobStatus ?? 'Absent', hosts: job?.ResourceConfig?.InstanceCount };
}

async function readPages(logs: CloudWatchLogsClient, input: LogsInput): Promise<LogPage[]> {
  const names: string[] = [];
  const query = { logGroupName: input.group, ...(input.prefix !== '' && { logStreamNamePrefix: input.prefix }) };
  for await (const { logStreams = [] } of paginateDescribeLogStreams({ client: logs }, query))
    names.push(...logStreams.flatMap(({ logStreamName }) => logStreamName ?? []));
  const share = Math.max(LEAST_EVENTS_A_STREAM, Math.floor(MOST_EVENTS / names.length));
  const limit = Math.min(MOST_EVENTS_A_STREAM, share);
  return pLimit(READERS).map(names, (name) => readPage(logs, input, name, limit));
}

/**
 * The next page that has lines. One that answers the token it was asked with is the last for now; empty ones may come before others that
 * are not (CloudWatch Logs' reference, GetLogEvents).
 */
async function readPage(
  logs: CloudWatchLogsClient,
  { group, since, cursors }: LogsInput,
  stream: string,
  limit: number,
): Promise<LogPage> {
  let cursor = cursors[stream];
  for (;;) {
    heartbeat();
    const { events = [], nextForwardToken = '' } = await logs.send(
      new GetLogEventsCommand({
        logGroupName: group,
        logStreamName: stream,
        startFromHead: true,
        limit,
        ...(since !== undefined && { startTime: since }),
        ...(cursor !== undefined && { nextToken: cursor }),
      }),
    );
    const more = nextForwardToken !== cursor;
    const lines = events.map(({ timestamp = 0, message = '' }) => ({ at: timestamp, text: message }));
    if (lines.length > 0 || !more) return { stream, lines, cursor: nextForwardToken, more };
    cursor = nextForwardToken;
  }
}
