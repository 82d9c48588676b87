import { defineQuery, setHandler } from '@temporalio/workflow';
import type { DeploymentStarted, TrainingEnded } from '../../contracts/activities.js';
import { MESSAGES, type RunInput, type RunProgress, type RunResult } from '../../contracts/runs.js';
import { causeOf, failure } from '../failures.js';
import { data } from '../profiles.js';
import { ApprovalDesk, approvalInWords } from './approval.js';
import { EndpointTurn, deploy, type Shown } from './deploy.js';
import { finish, finishBadly } from './ending.js';
import { evaluate } from './evaluate.js';
import { Notices } from './notices.js';
import { prepare } from './prepare.js';
import { Run } from './run.js';
import { confirmFiles, train } from './train.js';

const progressQuery = defineQuery<RunProgress>(MESSAGES.progress);

/** How often a candidate is judged: each time that another model is live than the one it was compared with. */
const MOST_ROUNDS = 3;

/**
 * One run: check data, train, await, evaluate, gate, deploy, record, notify. Its value is one of Deployed, NoNewData, Rejected, Trained;
 * a failed run fails with a typed failure, a cancelled one ends as Cancelled with its remote jobs stopped.
 */
export async function retrain(input: RunInput): Promise<RunResult> {
  const run = new Run(input);
  const notices = new Notices(run);
  const desk = new ApprovalDesk(run);
  const turn = new EndpointTurn();
  setHandler(progressQuery, () => run.progress());
  try {
    return await stages(run, notices, desk, turn);
  } catch (error) {
    throw await finishBadly(run, notices, error);
  }
}

async function stages(run: Run, notices: Notices, desk: ApprovalDesk, turn: EndpointTurn): Promise<RunResult> {
  const { ref, asOf } = run;
  const { definition, request } = run.input;

  await prepare(run);
  run.enter('check data');
  const look = { ref, definition, asOf, force: request.force ?? false };
  const { resume, noDeploy = false } = request;
  const { job, ...checked }: Awaited<ReturnType<typeof data.takeUp>> =
    resume === undefined ? await data.checkData(look) : await data.takeUp({ ...look, resume, noDeploy });
  const { files, dataHash, definitionHash, fileRecordUri, manifestUri, newestDate, holdout } = checked;
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
  const candidate: Candidate = { trained, fileRecordUri, manifestUri, holdout };
  const rejection = await judged(run, notices, desk, candidate);
  if (noDeploy) {
    if (!definition.evaluation) await confirmFiles(run, fileRecordUri);
    const aside = rejection === undefined ? '' : `, and the gate would reject it: ${rejection}`;
    return finish(run, notices, 'Trained', `trained ${trained.trainingJob}; asked not to deploy${aside}`);
  }
  if (rejection !== undefined) return finish(run, notices, 'Rejected', rejection);

  const deployment = await released(run, notices, turn, candidate);
  if (typeof deployment === 'string') return finish(run, notices, 'Rejected', deployment);
  Object.assign(run.found, { deployedAt: new Date().toISOString() });

  run.enter('record');
  // What was held out is among the files that the run looked at.
  const trainedOn = holdout ? `${files - holdout.files} files, judged on ${holdout.files}` : `${files} files`;
  return finish(
    run,
    notices,
    'Deployed',
    `${deployment.endpoint} serves ${trained.trainingJob}, trained on ${trainedOn} up to ${newestDate}`,
    newestDate,
  );
}

interface Candidate extends Shown {
  readonly trained: TrainingEnded;
  readonly fileRecordUri: string;
}

/** Evaluates the candidate and, where a person must agree, asks. Answers why it is rejected, or undefined if it may be deployed. */
async function judged(
  run: Run,
  notices: Notices,
  desk: ApprovalDesk,
  candidate: Candidate,
): Promise<string | undefined> {
  const { definition, request } = run.input;
  if (!definition.evaluation) return undefined;
  const rejection = await gated(run, candidate, 1);
  if (rejection !== undefined || request.noDeploy || definition.evaluation.approval === 'none') return rejection;
  const approval = await desk.ask(notices);
  Object.assign(run.found, { evaluation: { ...run.found.evaluation, approval } });
  const words = approvalInWords(approval, definition.evaluation.approvalTimeout);
  run.note(words);
  return approval.decision === 'approved' ? undefined : words;
}

/** Why the gate rejects the candidate, or undefined. */
async function gated(run: Run, { trained, ...bench }: Candidate, round: number): Promise<string | undefined> {
  const { verdict } = await evaluate(run, trained, bench, round);
  return verdict?.passed ? undefined : (verdict?.reasons.join('; ') ?? 'the gate gave no verdict');
}

/**
 * Deploys once the endpoint is free. If another model is live by then than the one that the candidate was compared with, it is judged again,
 * against that one, with the endpoint free for others meanwhile. Answers the deployment, or why the candidate is rejected after all.
 */
async function released(
  run: Run,
  notices: Notices,
  turn: EndpointTurn,
  candidate: Candidate,
): Promise<DeploymentStarted | string> {
  for (let round = 1; ; round += 1) {
    run.enter('deploy');
    const confirmed = run.found.evaluation ? undefined : confirmFiles(run, candidate.fileRecordUri);
    await Promise.all([confirmed, turn.take()]);
    if (round === 1) notices.post('deploying');
    try {
      return await deploy(run, candidate.trained, candidate);
    } catch (error) {
      if (causeOf(error).type !== 'LiveChanged' || round === MOST_ROUNDS) throw error;
      run.note(`${causeOf(error).message}: judging again`);
      await turn.giveBack();
    }
    const rejection = await gated(run, candidate, round + 1);
    if (rejection !== undefined) return rejection;
  }
}
