import { CancellationScope } from '@temporalio/workflow';
import type { CheckDataResult, ResumedJob, TrainingEnded, TrainingStarted } from '../../contracts/activities.js';
import { durationMs } from '../../contracts/duration.js';
import { trainingJobName } from '../../contracts/names.js';
import { causeOf, failure, heedCancel } from '../failures.js';
import { WAIT, data, training, waits } from '../profiles.js';
import type { Notices } from './notices.js';
import type { Run } from './run.js';

/** How long a job may wait for its instances on top of its own time limit. */
const PROVISIONING_MS = 86_400_000;

/**
 * Trains on the first of the ranked instance types that has capacity, and answers with the completed job. The job of an earlier run that
 * this one takes up comes before all of them.
 */
export async function train(
  run: Run,
  notices: Notices,
  channels: CheckDataResult['channels'],
  resumed?: ResumedJob,
): Promise<TrainingEnded> {
  if (resumed?.ended) return takeOver(run, resumed, resumed.ended);
  const { instances } = run.input.definition.training;
  const { ref } = run;
  if (resumed) {
    const ended = await unlessNoCapacity(run, resumed.instanceType, () =>
      trainOn(run, notices, resumed.trainingJob, () => Promise.resolve(resumed)),
    );
    if (ended) return ended;
  }
  for (const [attempt, instanceType] of instances.entries()) {
    const { definition } = run.input;
    const ended = await unlessNoCapacity(run, instanceType, () =>
      trainOn(run, notices, trainingJobName(ref.model, ref.runTime, attempt + 1), () =>
        training.startTraining({ ref, definition, attempt, channels }),
      ),
    );
    if (ended) return ended;
  }
  throw failure(
    'CapacityExhausted',
    `SageMaker has no capacity for any of ${instances.join(', ')}. Add instance types to training.instances, or run again later`,
  );
}

/** A job that had completed before this run began. What it cost is the earlier run's. */
function takeOver(run: Run, { ended: _ended, ...job }: ResumedJob, ended: TrainingEnded): TrainingEnded {
  const { artifactUri, metrics } = ended;
  Object.assign(run.found, { ...job, artifactUri, metrics });
  return ended;
}

async function unlessNoCapacity(
  run: Run,
  instanceType: string,
  attempt: () => Promise<TrainingEnded>,
): Promise<TrainingEnded | undefined> {
  try {
    return await attempt();
  } catch (error) {
    if (causeOf(error).type !== 'NoCapacity') throw error;
    run.warn(`no capacity for ${instanceType}: ${causeOf(error).message}`);
    return undefined;
  }
}

/** `start` makes the job or finds it. Its name is known before it is: what stops it stands ready before it is made. */
async function trainOn(
  run: Run,
  notices: Notices,
  trainingJob: string,
  start: () => Promise<Omit<TrainingStarted, 'attached' | 'warnings'> & Partial<TrainingStarted>>,
): Promise<TrainingEnded> {
  const { definition } = run.input;
  const { ref } = run;
  run.enter('train');
  let atAnEnd = false;
  try {
    const { image, imageDigest, imageDigestMissing, instanceType, warnings = [] } = await start();
    warnings.forEach((line) => run.warn(line));
    Object.assign(run.found, { trainingJob, image, imageDigest, imageDigestMissing, instanceType });
    run.note(`training job \`${trainingJob}\` on ${definition.training.count} × ${instanceType}`);
    heedCancel();
    run.enter('await');
    notices.post('training');
    const limit = durationMs(definition.training.spot?.maxWait ?? definition.training.maxRuntime) + PROVISIONING_MS;
    const ended = await waits.awaitTrainingJob.executeWithOptions(
      { ...WAIT, scheduleToCloseTimeout: limit, summary: trainingJob },
      [{ ref, trainingJob, poll: definition.waiting.poll }],
    );
    atAnEnd = true;
    const { artifactUri, metrics, billableSeconds } = ended;
    Object.assign(run.found, { artifactUri, metrics, billableSeconds });
    return ended;
  } catch (error) {
    const { type } = causeOf(error);
    atAnEnd ||=
      type === 'TrainingFailed' || type === 'TrainingStopped' || type === 'TrainingTimedOut' || type === 'NoCapacity';
    // A job of this name that somebody else made is not this run's to stop.
    if (!atAnEnd && type !== 'NameConflict') await stop(run, trainingJob);
    throw error;
  }
}

/** A run that ends early leaves no job running, whether or not the create was answered. */
async function stop(run: Run, trainingJob: string): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    try {
      const { status } = await waits.stopTrainingJob({ ref: run.ref, trainingJob });
      run.note(`training job \`${trainingJob}\` is ${status}`);
    } catch (error) {
      run.warn(`training job ${trainingJob} may still be running, stop it by hand: ${causeOf(error).message}`);
    }
  });
}

/** Fails the run if a file that it trained on changed meanwhile: what the model saw could no longer be told. */
export async function confirmFiles(run: Run, fileRecordUri: string): Promise<void> {
  const { changed, removed } = await data.confirmFiles({
    ref: run.ref,
    definition: run.input.definition,
    fileRecordUri,
  });
  if (changed + removed === 0) return;
  throw failure(
    'DataChanged',
    `${changed} files changed and ${removed} were removed while ${run.found.trainingJob} trained on them, so its model is not deployed. ` +
      'The next run sees them as news and trains again',
  );
}
