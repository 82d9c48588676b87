import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import { activityInfo } from '@temporalio/activity';
import type { EndpointActivities } from '../../contracts/activities.js';
import { fail } from '../errors.js';
import { invokeFromObject } from '../invoke.js';
import { inProgress, look, nextLook, spanInWords, whileRoleSpreads } from '../waiting.js';
import { cleanUp } from './clean-up.js';
import { startDeployment } from './deploy.js';
import { awaitEndpointGone, deleteEndpoint } from './remove.js';
import { rollBack } from './roll-back.js';
import { smokeTest } from './smoke-test.js';
import { describeEndpoint, stageOf, verdictOn } from './standing.js';

export interface EndpointDeps {
  readonly sagemaker: SageMakerClient;
  readonly sagemakerRuntime: SageMakerRuntimeClient;
  readonly s3: S3Client;
  readonly region: string;
}

/** Stage "deploy" over SageMaker's endpoints, and what else concerns one. */
export function createEndpointActivities({
  sagemaker,
  sagemakerRuntime,
  s3,
  region,
}: EndpointDeps): EndpointActivities {
  return {
    startDeployment: (input) => whileRoleSpreads(() => startDeployment(sagemaker, input)),

    async awaitEndpoint({ endpoint, endpointConfig, poll }) {
      const delay = nextLook(poll);
      const resource = `endpoint ${endpoint}`;
      const live = await look({ action: 'DescribeEndpoint', resource }, delay, () =>
        describeEndpoint(sagemaker, endpoint),
      );
      if (!live) {
        throw fail(
          'ResourceMissing',
          `Endpoint ${endpoint} is gone: somebody deleted it during the deployment; start a new run`,
        );
      }
      const verdict = verdictOn(live, endpointConfig, region);
      if (verdict === true) return { status: 'InService' };
      if (verdict !== false) throw verdict;
      const waited = spanInWords(Date.now() - activityInfo().scheduledTimestampMs);
      throw inProgress(`${stageOf(live)}, waited ${waited}`, delay);
    },

    smokeTest: (input) => smokeTest({ sagemakerRuntime, s3 }, input),
    rollBack: (input) => rollBack(sagemaker, input),
    cleanUp: async ({ ref, definition }) => ({ removed: await cleanUp(sagemaker, ref.model, definition) }),
    deleteEndpoint: (input) => deleteEndpoint(sagemaker, input),
    awaitEndpointGone: ({ endpoint }) => awaitEndpointGone(sagemaker, endpoint),
    invokeEndpoint: (input) => invokeFromObject({ sagemakerRuntime, s3 }, input),
  };
}
