import { paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { heartbeat } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { parseS3Uri } from '../../contracts/names.js';
import type { TransformActivities } from '../../contracts/transforms.js';
import { withFailures } from '../errors.js';
import { inProgress, look, nextLook, whileRoleSpreads } from '../waiting.js';
import { createTransformJob, describeTransformJob, stopTransformJob } from './jobs.js';
import { findLiveModel } from './live.js';
import { transformRequest } from './requests.js';
import { transformStatusInWords, verdictOn } from './verdict.js';

/** What SageMaker appends to the key of an object to name its answers. */
const ANSWERS = '.out';

export interface TransformDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

/** Batch inference over SageMaker's transform jobs. */
export function createTransformActivities({ s3, sagemaker }: TransformDeps): TransformActivities {
  return {
    findLiveModel: ({ definition }) => findLiveModel({ s3, sagemaker }, definition),

    startTransform: ({ ref, definition, transform, modelName }) =>
      whileRoleSpreads(async () => {
        const { request, spec, inputUri, outputUri, warnings } = transformRequest(
          ref,
          definition,
          transform,
          modelName,
        );
        const { attached } = await createTransformJob(sagemaker, request, spec);
        return { transformJob: request.TransformJobName as string, inputUri, outputUri, attached, warnings };
      }),

    async awaitTransform({ transformJob, poll }) {
      const delay = nextLook(poll);
      const about = { action: 'DescribeTransformJob', resource: `transform job ${transformJob}` };
      const job = await look(about, delay, () => describeTransformJob(sagemaker, transformJob));
      const verdict = verdictOn(transformJob, job);
      if (verdict === undefined) throw inProgress(transformStatusInWords(job), delay);
      if (verdict instanceof ApplicationFailure) throw verdict;
    },

    async countAnswers({ outputUri }) {
      const { bucket, key } = parseS3Uri(outputUri);
      const about = { action: 'list', resource: outputUri, permission: 's3:ListBucket' };
      return withFailures(about, async () => {
        const found = { objects: 0, bytes: 0 };
        for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: key })) {
          for (const { Key, Size = 0 } of Contents) {
            if (!Key?.endsWith(ANSWERS)) continue;
            found.objects += 1;
            found.bytes += Size;
          }
          heartbeat();
        }
        return found;
      });
    },

    stopTransform: ({ transformJob }) => stopTransformJob(sagemaker, transformJob),
  };
}
