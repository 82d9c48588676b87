import { DescribeTrainingJobCommand, type SageMakerClient, StopTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { activityInfo } from '@temporalio/activity';
import { isFailure, withFailures } from '../errors.js';
import { inProgress, look, nextLook } from '../waiting.js';
import { unknownStatus } from './verdict.js';

/** Stopping takes a container up to 120 s; looks are never further apart than this. */
const POLL = '2s';

/** Asks a job to stop and answers with its status once it is at an end, `absent` if there is none; InProgress until then. */
export async function stopTraining(sagemaker: SageMakerClient, trainingJob: string): Promise<{ status: string }> {
  const delay = nextLook(POLL);
  const about = { action: 'StopTrainingJob', resource: `training job ${trainingJob}` };
  const status = await look(about, delay, async () => {
    // The first attempt asks at once; a later one looks first, as the request was accepted, or its answer lost.
    if (activityInfo().attempt === 1) await stop(sagemaker, trainingJob);
    else if ((await statusOf(sagemaker, trainingJob)) === 'InProgress') await stop(sagemaker, trainingJob);
    return statusOf(sagemaker, trainingJob);
  });
  switch (status) {
    case 'absent':
    case 'Completed':
    case 'Failed':
    case 'Stopped':
      return { status };
    case 'InProgress':
    case 'Stopping':
    case 'Deleting':
      throw inProgress(`${status}: asked to stop`, delay);
    default:
      throw unknownStatus(trainingJob, status);
  }
}

/** StopTrainingJob; a job that is absent or at an end already is fine, and the look that follows says which. */
async function stop(sagemaker: SageMakerClient, trainingJob: string): Promise<void> {
  try {
    await withFailures({ action: 'StopTrainingJob', resource: `training job ${trainingJob}` }, () =>
      sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: trainingJob })),
    );
  } catch (error) {
    const ended = /rejected because the training job is in status/i.test(String(error));
    if (!isFailure(error, 'ResourceMissing') && !ended) throw error;
  }
}

async function statusOf(sagemaker: SageMakerClient, trainingJob: string): Promise<string | undefined> {
  try {
    const job = await withFailures({ action: 'DescribeTrainingJob', resource: `training job ${trainingJob}` }, () =>
      sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: trainingJob })),
    );
    return job.TrainingJobStatus;
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return 'absent';
    throw error;
  }
}
