import {
  type DescribeTrainingJobCommandOutput,
  DescribeTrainingJobCommand,
  ListTrainingJobsCommand,
  type ListTrainingJobsCommandInput,
  type ListTrainingJobsCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFailure, withFailures } from '../errors.js';
import type { JobSource, ListedJob } from './sweep.js';

const PAGE = 100;
/** ListTrainingJobs allows two requests a second, and the quota can't be raised. */
const BETWEEN_PAGES_MS = 500;
const MOST_BETWEEN_PAGES_MS = 8_000;
/** A page that is throttled is asked for again so often: to begin anew would use more of the quota. */
const PAGE_TRIES = 4;
/** A call that hangs is given up within the limit of one look at a job (WAIT in workflows/profiles.ts). */
const CALL_WITHIN_MS = 7_000;

type Dated<T> = { readonly output: T; readonly at: number };
type Sendable = DescribeTrainingJobCommand | ListTrainingJobsCommand;

/** SageMaker as the source of a sweep. Errors come out as failures. */
export function sageMakerJobs(client: SageMakerClient): JobSource<DescribeTrainingJobCommandOutput> {
  let betweenPagesMs = BETWEEN_PAGES_MS;
  const isThrottled = (error: unknown) => isFailure(error, 'Throttled');
  const within = () => ({ abortSignal: AbortSignal.timeout(CALL_WITHIN_MS) });

  /** One page. The pauses between pages stretch while the quota is short, and recover. */
  async function page(input: ListTrainingJobsCommandInput): Promise<Dated<ListTrainingJobsCommandOutput>> {
    const about = { action: 'ListTrainingJobs', resource: 'training jobs' };
    for (let attempt = 1; ; attempt += 1) {
      if (input.NextToken !== undefined || attempt > 1) await sleep(betweenPagesMs);
      try {
        const command = new ListTrainingJobsCommand(input);
        const answer = await withFailures(about, () => dated(command, () => client.send(command, within())));
        betweenPagesMs = Math.max(BETWEEN_PAGES_MS, betweenPagesMs * 0.8);
        return answer;
      } catch (error) {
        // A refused first page leaves nothing to lose: how long to wait is the sweep's to say.
        if (!isThrottled(error) || input.NextToken === undefined || attempt === PAGE_TRIES) throw error;
        betweenPagesMs = Math.min(MOST_BETWEEN_PAGES_MS, betweenPagesMs * 2);
      }
    }
  }

  return {
    isThrottled,
    async describe(name) {
      const about = { action: 'DescribeTrainingJob', resource: `training job ${name}` };
      const command = new DescribeTrainingJobCommand({ TrainingJobName: name });
      const { output, at } = await withFailures(about, () => dated(command, () => client.send(command, within())));
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
      const jobs: ListedJob[] = [];
      let at: number | undefined;
      let token: string | undefined;
      do {
        const answer = await page({
          LastModifiedTimeAfter: new Date(after),
          // In the order of creation a page is not shifted by jobs that change or start between two pages.
          SortBy: 'CreationTime',
          SortOrder: 'Ascending',
          MaxResults: PAGE,
          NextToken: token,
        });
        at ??= answer.at;
        token = answer.output.NextToken;
        for (const job of answer.output.TrainingJobSummaries ?? []) {
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
