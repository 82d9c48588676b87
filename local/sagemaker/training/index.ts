import { TrainingJobStatus } from '@aws-sdk/client-sagemaker';
import { ApiError, type Context, type Operation, type Service } from '../context.js';
import { afterRestart, isAtOnce, refuseOverQuota } from '../faults.js';
import { page } from '../paging.js';
import { dropTags, setTags } from '../tags.js';
import { requireName } from '../validate.js';
import { assertInputs } from './input.js';
import { describe, enter, isTerminal, newJob, save, stopOutcome } from './record.js';
import { readTrainingRequest } from './request.js';
import { TrainingRun } from './run.js';
import type { TrainingJob, Verdict } from './types.js';
import { removeLogs, removeWorkspace } from './workspace.js';

export interface TrainingService extends Service {
  /** Ends a running job at once as Completed or Failed (the control surface's, no part of AWS). */
  finish(name: string, verdict: Verdict): Promise<void>;
}

const KIND = 'training-job';

/** Create, Describe, List, Stop and DeleteTrainingJob, and the jobs that run. */
export function createTrainingService(ctx: Context): TrainingService {
  const runs = new Map<string, TrainingRun>();

  const start = (job: TrainingJob, resumed = false): TrainingRun => {
    const run = new TrainingRun(ctx, job, { resumed });
    runs.set(job.TrainingJobName, run);
    void run.done
      .catch((error: unknown) => ctx.log.error({ err: error, trainingJob: job.TrainingJobName }, 'training job lost'))
      .finally(() => runs.delete(job.TrainingJobName));
    return run;
  };

  const operations: Record<string, Operation> = {
    async CreateTrainingJob(input) {
      const { request, tags } = readTrainingRequest(input);
      const name = request.TrainingJobName;
      assertUnused(ctx, name);
      if (!ctx.control.peek(KIND, name).canned) await assertInputs(ctx, request);
      // Looked at again, as another request may have come in between.
      assertUnused(ctx, name);
      const plan = ctx.control.take(KIND, name);
      const { InstanceType, InstanceCount } = request.ResourceConfig ?? {};
      refuseOverQuota(plan, `${InstanceType} for training job usage`, 'Instances', InstanceCount);
      const job = newJob(ctx.config, request, plan);
      // Before the job, so that none is ever seen without its tags.
      setTags(ctx, job.state.TrainingJobArn, tags);
      save(ctx, job);
      const run = start(job);
      if (isAtOnce(plan)) await run.done;
      return { TrainingJobArn: job.state.TrainingJobArn };
    },

    DescribeTrainingJob(input) {
      return Promise.resolve(describe(find(ctx, requireName(input, 'TrainingJobName'))));
    },

    ListTrainingJobs(input) {
      const { items, NextToken } = page(input, ctx.store.list<TrainingJob>(KIND), {
        name: (job) => job.TrainingJobName,
        created: (job) => job.state.CreationTime,
        modified: (job) => job.state.LastModifiedTime,
        status: (job) => job.state.TrainingJobStatus,
        statuses: Object.values(TrainingJobStatus),
        sortOrder: 'Ascending',
      });
      return Promise.resolve({ TrainingJobSummaries: items.map(summary), NextToken });
    },

    StopTrainingJob(input) {
      const job = find(ctx, requireName(input, 'TrainingJobName'));
      const run = runs.get(job.TrainingJobName);
      if (isTerminal(job) || !run) {
        throw new ApiError(
          'ValidationException',
          `The request was rejected because the training job is in status ${job.state.TrainingJobStatus}.`,
        );
      }
      run.stop();
      return Promise.resolve({});
    },

    async DeleteTrainingJob(input) {
      const name = requireName(input, 'TrainingJobName');
      const job = ctx.store.get<TrainingJob>(KIND, name);
      if (!job) throw new ApiError('ResourceNotFound', `Could not find training job "${name}".`);
      if (!isTerminal(job)) {
        throw new ApiError(
          'ResourceInUse',
          `The training job "${name}" is in status ${job.state.TrainingJobStatus}: only a job that has ended can be deleted.`,
        );
      }
      ctx.store.delete(KIND, name);
      dropTags(ctx, job.state.TrainingJobArn);
      await removeLogs(ctx, name);
      return {};
    },
  };

  return {
    operations,
    async finish(name, verdict) {
      const run = runs.get(find(ctx, name).TrainingJobName);
      if (!run) throw new ApiError('ValidationException', `training job "${name}" does not run any more`);
      await run.decide(verdict);
    },
    async resume() {
      for (const job of ctx.store.list<TrainingJob>(KIND)) {
        await removeWorkspace(ctx, job.TrainingJobName);
        if (isTerminal(job)) continue;
        if (job.state.TrainingJobStatus === 'Stopping') {
          enter(job, stopOutcome(job));
          save(ctx, job);
        } else {
          start({ ...job, plan: afterRestart(job.plan) }, true);
        }
      }
    },
    async close() {
      await Promise.all([...runs.values()].map((run) => run.shutDown()));
    },
  };
}

function find(ctx: Context, name: string): TrainingJob {
  const job = ctx.store.get<TrainingJob>(KIND, name);
  if (!job) throw new ApiError('ValidationException', 'Requested resource not found.');
  return job;
}

function assertUnused(ctx: Context, name: string): void {
  const existing = ctx.store.get<TrainingJob>(KIND, name);
  if (!existing) return;
  throw new ApiError(
    'ResourceInUse',
    `Training job names must be unique within an AWS account and region, and a training job with this name already exists (${existing.state.TrainingJobArn})`,
  );
}

function summary({ TrainingJobName, state }: TrainingJob): Record<string, unknown> {
  return {
    TrainingJobName,
    TrainingJobArn: state.TrainingJobArn,
    CreationTime: state.CreationTime,
    TrainingEndTime: state.TrainingEndTime,
    LastModifiedTime: state.LastModifiedTime,
    TrainingJobStatus: state.TrainingJobStatus,
    SecondaryStatus: state.SecondaryStatus,
  };
}
