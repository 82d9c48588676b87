import { DescribeTrainingJobCommand, type SageMakerClient, StopTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { missingAsUndefined, withFailures } from '../errors.js';
import { stopJob } from '../stopping.js';
import { unknownStatus } from './verdict.js';

/** Asks a training job to stop and answers with its status once it is at an end, `absent` if there is none; InProgress until then. */
export async function stopTraining(sagemaker: SageMakerClient, trainingJob: string): Promise<{ status: string }> {
  const resource = `training job ${trainingJob}`;
  return stopJob({
    action: 'StopTrainingJob',
    resource,
    send: () => sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: trainingJob })),
    status: async () => {
      const job = await missingAsUndefined(() =>
        withFailures({ action: 'DescribeTrainingJob', resource }, () =>
          sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob })),
        ),
      );
      // A job without a status is not one that is absent.
      return job && (job.TrainingJobStatus ?? '');
    },
    unknown: (status) => unknownStatus(trainingJob, status),
  });
}
