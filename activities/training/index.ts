import type { KMSClient } from '@aws-sdk/client-kms';
import type { DescribeTrainingJobCommandOutput, SageMakerClient } from '@aws-sdk/client-sagemaker';
import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { TrainingActivities } from '../../contracts/activities.js';
import { inProgress, look, nextLook, whileRoleSpreads } from '../waiting.js';
import type { DigestOf } from './digest/index.js';
import { sageMakerJobs } from './source.js';
import { startTraining } from './start.js';
import { stopTraining } from './stop.js';
import { TrainingSweep } from './sweep.js';
import { statusInWords, verdictOn } from './verdict.js';

export interface TrainingDeps {
  readonly sagemaker: SageMakerClient;
  /** Turns an alias of the volume's key into its ARN. */
  readonly kms: KMSClient;
  readonly region: string;
  /** Says which image a job is made with. Without it runs record the image's URI alone. */
  readonly digestOf?: DigestOf;
  /** Shared by all waits of a worker; one of its own by default. */
  readonly sweep?: TrainingSweep<DescribeTrainingJobCommandOutput>;
}

/** Stages "train" and "await" over SageMaker's training jobs. */
export function createTrainingActivities({
  sagemaker,
  kms,
  region,
  digestOf,
  sweep = new TrainingSweep(sageMakerJobs(sagemaker)),
}: TrainingDeps): TrainingActivities {
  return {
    startTraining: (input) => whileRoleSpreads(() => startTraining({ sagemaker, kms, region, digestOf }, input)),

    async awaitTrainingJob({ trainingJob, poll }) {
      const delay = nextLook(poll);
      const about = { action: 'DescribeTrainingJob', resource: `training job ${trainingJob}` };
      // The first attempt, and the first after an event said that the job changed: what the sweep knows may be older than the event.
      const first = activityInfo().attempt === 1;
      const view = await look(about, delay, () =>
        first ? sweep.describe(trainingJob) : sweep.status(trainingJob, delay),
      );
      const verdict = view.detail && verdictOn(trainingJob, view.detail);
      // Those that were served from one listing come back when it is stale: the first of them makes the next one.
      if (verdict === undefined)
        throw inProgress(statusInWords(view), view.againMs ?? Math.max(delay / 4, delay - view.ageMs));
      if (verdict instanceof ApplicationFailure) throw verdict;
      return verdict;
    },

    stopTrainingJob: ({ trainingJob }) => stopTraining(sagemaker, trainingJob),
  };
}
