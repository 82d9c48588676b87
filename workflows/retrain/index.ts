import { defineQuery, defineSignal, setHandler } from '@temporalio/workflow';
import { MESSAGES, type RunInput, type RunProgress, type RunResult } from '../../contracts/runs.js';
import { failure } from '../failures.js';
import { data } from '../profiles.js';
import { deploy, lockEndpoint } from './deploy.js';
import { finish, finishBadly } from './ending.js';
import { Notices } from './notices.js';
import { Run } from './run.js';
import { confirmFiles, train } from './train.js';

const progressQuery = defineQuery<RunProgress>(MESSAGES.progress);
const endpointGranted = defineSignal(MESSAGES.endpointGranted);

/**
 * One run: check data, train, await, deploy, record, notify. Its value is one of Deployed, NoNewData, Trained;
 * a failed run fails with a typed failure, a cancelled one ends as Cancelled with its remote job stopped.
 */
export async function retrain(input: RunInput): Promise<RunResult> {
  const run = new Run(input);
  const notices = new Notices(run);
  let granted = !input.entity;
  setHandler(progressQuery, () => run.progress());
  setHandler(endpointGranted, () => {
    granted = true;
  });
  try {
    return await stages(run, notices, () => granted);
  } catch (error) {
    throw await finishBadly(run, notices, error);
  }
}

async function stages(run: Run, notices: Notices, granted: () => boolean): Promise<RunResult> {
  const { ref, asOf } = run;
  const { definition, request } = run.input;

  run.enter('check data');
  const look = { ref, definition, asOf, force: request.force ?? false };
  const { resume, noDeploy = false } = request;
  const { job, ...checked }: Awaited<ReturnType<typeof data.takeUp>> =
    resume === undefined ? await data.checkData(look) : await data.takeUp({ ...look, resume, noDeploy });
  const { files, dataHash, definitionHash, fileRecordUri, manifestUri, newestDate } = checked;
  Object.assign(run.found, { files, dataHash, definitionHash, fileRecordUri, manifestUri });
  checked.reasons.forEach((reason) => run.note(reason));
  if (!checked.news) return finish(run, notices, 'NoNewData', checked.reasons.join('; '));
  if (!fileRecordUri || !manifestUri || !newestDate) {
    throw failure(
      'DataInvalid',
      `checkData found news for ${ref.run} but wrote no file record; this is a defect of Perennial`,
    );
  }

  const trained = await train(run, notices, checked.channels, job);
  if (noDeploy) {
    await confirmFiles(run, fileRecordUri);
    return finish(run, notices, 'Trained', `trained ${trained.trainingJob}; asked not to deploy`);
  }

  run.enter('deploy');
  await Promise.all([confirmFiles(run, fileRecordUri), lockEndpoint(granted)]);
  notices.post('deploying');
  const { endpoint } = await deploy(run, trained, manifestUri);
  const deployedAt = new Date().toISOString();
  Object.assign(run.found, { deployedAt });

  run.enter('record');
  return finish(
    run,
    notices,
    'Deployed',
    `${endpoint} serves ${trained.trainingJob}, trained on ${files} files up to ${newestDate}`,
    newestDate,
  );
}
