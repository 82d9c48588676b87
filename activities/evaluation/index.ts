import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import type { EvaluationActivities } from '../../contracts/evaluation.js';
import { describeTransformJob } from '../transforms/jobs.js';
import { transformStatusInWords, verdictOn } from '../transforms/verdict.js';
import { inProgress, look, nextLook, whileRoleSpreads } from '../waiting.js';
import { forgetEvaluation } from './forget.js';
import { scoreModels } from './score.js';
import { startEvaluation } from './start.js';

/** Clients that the stage "evaluate" works through. */
export interface EvaluationDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

/** Activities of the stage "evaluate" over SageMaker's transform jobs. */
export function createEvaluationActivities({ s3, sagemaker }: EvaluationDeps): EvaluationActivities {
  return {
    startEvaluation: (input) => whileRoleSpreads(() => startEvaluation({ s3, sagemaker }, input)),

    async awaitTransforms({ ref, transformJobs, poll }) {
      const delay = nextLook(poll);
      const about = { action: 'DescribeTransformJob', resource: `transform jobs of ${ref.run}` };
      const jobs = await look(about, delay, () =>
        Promise.all(
          transformJobs.map(async (name) => {
            const job = await describeTransformJob(sagemaker, name);
            return { name, job, verdict: verdictOn(name, job) };
          }),
        ),
      );
      const failed = jobs.find(({ verdict }) => verdict instanceof ApplicationFailure);
      if (failed) throw failed.verdict as ApplicationFailure;
      const running = jobs.filter(({ verdict }) => verdict === undefined);
      if (running.length > 0)
        throw inProgress(running.map(({ name, job }) => `${name}: ${transformStatusInWords(job)}`).join('; '), delay);
    },

    scoreModels: (input) => scoreModels(s3, input),
    forgetEvaluation: (input) => forgetEvaluation({ s3, sagemaker }, input),
  };
}
