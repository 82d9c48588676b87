import { TransformJobStatus } from '@aws-sdk/client-sagemaker';
import { arn } from '../arn.js';
import { ApiError, type Context, type Operation, type Service } from '../context.js';
import { afterRestart, isAtOnce, refuseOverQuota } from '../faults.js';
import type { ModelRecord } from '../endpoints/types.js';
import { page } from '../paging.js';
import { setTags } from '../tags.js';
import { requireName } from '../validate.js';
import { describe, isTerminal, move, newJob, save } from './record.js';
import { readTransformRequest } from './request.js';
import { TransformRun } from './run.js';
import type { TransformJob } from './types.js';

const KIND = 'transform-job';

/** Create, Describe, List and StopTransformJob, and the jobs that run. */
export function createTransformService(ctx: Context): Service {
  const runs = new Map<string, TransformRun>();

  const start = (job: TransformJob, model: ModelRecord): TransformRun => {
    const run = new TransformRun(ctx, job, model);
    runs.set(job.TransformJobName, run);
    void run.done
      .catch((error: unknown) =>
        ctx.log.error({ err: error, transformJob: job.TransformJobName }, 'transform job lost'),
      )
      .finally(() => runs.delete(job.TransformJobName));
    return run;
  };

  const operations: Record<string, Operation> = {
    async CreateTransformJob(input) {
      const { request, tags } = readTransformRequest(input);
      const existing = ctx.store.get<TransformJob>(KIND, request.TransformJobName);
      if (existing) {
        throw new ApiError(
          'ResourceInUse',
          `Job name must be unique within an AWS account and region, and a job with this name already exists (${existing.state.TransformJobArn})`,
        );
      }
      const model = ctx.store.get<ModelRecord>('model', request.ModelName);
      if (!model) {
        const missing = arn(ctx.config, 'model', request.ModelName);
        throw new ApiError('ValidationException', `Could not find model "${missing}".`);
      }
      const plan = ctx.control.take(KIND, request.TransformJobName);
      const { InstanceType, InstanceCount } = request.TransformResources ?? {};
      refuseOverQuota(plan, `${InstanceType} for transform job usage`, 'Instances', InstanceCount);
      const job = newJob(ctx.config, request, plan);
      // Before the job, so that none is ever seen without its tags.
      setTags(ctx, job.state.TransformJobArn, tags);
      save(ctx, job);
      const run = start(job, model);
      if (isAtOnce(plan)) await run.done;
      return { TransformJobArn: job.state.TransformJobArn };
    },

    DescribeTransformJob(input) {
      return Promise.resolve(describe(find(ctx, requireName(input, 'TransformJobName'))));
    },

    ListTransformJobs(input) {
      const { items, NextToken } = page(input, ctx.store.list<TransformJob>(KIND), {
        name: (job) => job.TransformJobName,
        created: (job) => job.state.CreationTime,
        modified: (job) => job.state.LastModifiedTime,
        status: (job) => job.state.TransformJobStatus,
        statuses: Object.values(TransformJobStatus),
      });
      const summaries = items.map(({ TransformJobName, state }) => ({ TransformJobName, ...state }));
      return Promise.resolve({ TransformJobSummaries: summaries, NextToken });
    },

    StopTransformJob(input) {
      const job = find(ctx, requireName(input, 'TransformJobName'));
      const run = runs.get(job.TransformJobName);
      if (isTerminal(job) || !run) {
        throw new ApiError(
          'ValidationException',
          `The request was rejected because the transform job is in status ${job.state.TransformJobStatus}.`,
        );
      }
      run.stop();
      return Promise.resolve({});
    },
  };

  return {
    operations,
    resume() {
      for (const job of ctx.store.list<TransformJob>(KIND)) {
        if (isTerminal(job)) continue;
        const model = ctx.store.get<ModelRecord>('model', job.request.ModelName);
        if (job.state.TransformJobStatus === 'Stopping') move(ctx, job, 'Stopped');
        else if (model) start({ ...job, plan: afterRestart(job.plan) }, model);
        else move(ctx, job, 'Failed', `ClientError: model "${job.request.ModelName}" was deleted while the job ran`);
      }
      return Promise.resolve();
    },
    async close() {
      await Promise.all([...runs.values()].map((run) => run.shutDown()));
    },
  };
}

function find(ctx: Context, name: string): TransformJob {
  const job = ctx.store.get<TransformJob>(KIND, name);
  if (!job) throw new ApiError('ValidationException', `Could not find requested job with name: ${name}`);
  return job;
}
