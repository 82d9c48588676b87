import { TransformJobStatus } from '@aws-sdk/client-sagemaker';
import { arn } from '../arn.js';
import { ApiError, type Context, type ControlRule, type Operation, type Service } from '../context.js';
import type { ModelRecord } from '../endpoints/types.js';
import { page } from '../paging.js';
import { addTags } from '../tags.js';
import { requireName } from '../validate.js';
import { describe, isTerminal, move, newJob, save } from './record.js';
import { readTransformRequest } from './request.js';
import { TransformRun } from './run.js';
import type { TransformJob } from './types.js';

const KIND = 'transform-job';

/** Create, Describe, List and StopTransformJob, and the jobs that run. */
export function createTransformService(ctx: Context): Service {
  const runs = new Map<string, TransformRun>();

  const start = (job: TransformJob, model: ModelRecord, rule?: ControlRule): void => {
    const run = new TransformRun(ctx, job, model, rule);
    runs.set(job.TransformJobName, run);
    void run.done
      .catch((error: unknown) =>
        ctx.log.error({ err: error, transformJob: job.TransformJobName }, 'transform job lost'),
      )
      .finally(() => runs.delete(job.TransformJobName));
  };

  const operations: Record<string, Operation> = {
    CreateTransformJob(input) {
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
      const job = newJob(ctx.config, request);
      addTags(ctx, job.state.TransformJobArn, tags);
      save(ctx, job);
      const rule = ctx.control.take(KIND, job.TransformJobName);
      if (rule?.action === 'complete') move(ctx, job, 'Completed');
      else if (rule?.action === 'fail')
        move(ctx, job, 'Failed', rule.reason ?? 'AlgorithmError: failed by a control rule');
      else start(job, model, rule);
      return Promise.resolve({ TransformJobArn: job.state.TransformJobArn });
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
        else if (model) start(job, model);
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
