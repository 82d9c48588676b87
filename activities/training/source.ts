import {
  type DescribeTrainingJobCommandOutput,
  DescribeTrainingJobCommand,
  ListTrainingJobsCommand,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { withFailures } from '../errors.js';
import type { JobSource, ListedJob } from './sweep.js';

const PAGE = 100;
/** ListTrainingJobs allows two requests a second, and the quota can't be raised. */
const BETWEEN_PAGES_MS = 500;

type Dated<T> = { readonly output: T; readonly at: number };
type Sendable = DescribeTrainingJobCommand | ListTrainingJobsCommand;

/** SageMaker as the source of a sweep. Errors come out as failures. */
export function sageMakerJobs(client: SageMakerClient): JobSource<DescribeTrainingJobCommandOutput> {
  return {
    async describe(name) {
      const about = { action: 'DescribeTrainingJob', resource: `training job ${name}` };
      const command = new DescribeTrainingJobCommand({ TrainingJobName: name });
      const { output, at } = await withFailures(about, () => dated(command, () => client.send(command)));
      const transitions = output.SecondaryStatusTransitions ?? [];
      return {
        name,
        status: output.TrainingJobStatus ?? '',
        secondary: output.SecondaryStatus,
        modified: (transitions.at(-1)?.StartTime ?? output.LastModifiedTime)?.getTime(),
        at,
        detail: output,
      };
    },
    async listChanged(after) {
      const about = { action: 'ListTrainingJobs', resource: 'training jobs' };
      const jobs: ListedJob[] = [];
      let at: number | undefined;
      let token: string | undefined;
      do {
        if (token !== undefined) await new Promise((resolve) => setTimeout(resolve, BETWEEN_PAGES_MS));
        const command = new ListTrainingJobsCommand({
          LastModifiedTimeAfter: new Date(after),
          // In the order of creation a page is not shifted by jobs that change or start between two pages.
          SortBy: 'CreationTime',
          SortOrder: 'Ascending',
          MaxResults: PAGE,
          NextToken: token,
        });
        const page = await withFailures(about, () => dated(command, () => client.send(command)));
        at ??= page.at;
        token = page.output.NextToken;
        for (const job of page.output.TrainingJobSummaries ?? []) {
          jobs.push({
            name: job.TrainingJobName ?? '',
            status: job.TrainingJobStatus ?? '',
            secondary: job.SecondaryStatus,
            modified: job.LastModifiedTime?.getTime(),
          });
        }
      } while (token !== undefined);
      return { jobs, at };
    },
  };
}

/**
 * Sends a command and reads SageMaker's clock from the Date header of the answer (a second's resolution, rounded down), so that no skew
 * of the worker's clock loses a change. Every answer of AWS has the header; without it our own clock stands in.
 */
async function dated<T>(command: Sendable, send: () => Promise<T>): Promise<Dated<T>> {
  let at = Date.now();
  // The client's type for it: the types of two commands' stacks have nothing in common.
  const stack = command.middlewareStack as unknown as SageMakerClient['middlewareStack'];
  stack.add(
    (next) => async (args) => {
      const result = await next(args);
      const header = (result.response as { headers?: Record<string, string> } | undefined)?.headers?.['date'];
      const time = header === undefined ? Number.NaN : Date.parse(header);
      if (!Number.isNaN(time)) at = time;
      return result;
    },
    { step: 'deserialize', name: 'clockOfTheService' },
  );
  const output = await send();
  return { output, at };
}
