import { defineQuery, setHandler } from '@temporalio/workflow';
import { MESSAGES, type RunProgress, type RunResult } from '../../contracts/runs.js';
import type {
  Change,
  ChangeInput,
  ChangePlan,
  ChangePlanInput,
  Versions,
  VersionsInput,
} from '../../contracts/versions.js';
import { data, questions } from '../profiles.js';
import { EndpointTurn } from '../retrain/deploy.js';
import { finish, finishBadly } from '../retrain/ending.js';
import { Notices } from '../retrain/notices.js';
import { Run } from '../retrain/run.js';
import { perform } from './perform.js';

const progressQuery = defineQuery<RunProgress>(MESSAGES.progress);

/**
 * Puts a kept version back in service. Its value is that of a run that ended as Deployed; a failed one has returned to what was live, as a
 * cancelled one has.
 */
export async function rollback(input: ChangeInput): Promise<RunResult> {
  return change(input);
}

/** Puts the live model on what the definition says about the endpoint now, without a training. Ends as `rollback` does. */
export async function deploy(input: ChangeInput): Promise<RunResult> {
  return change(input);
}

/** The kept versions of a model. */
export async function versions(input: VersionsInput): Promise<Versions> {
  return questions.listVersions(input);
}

/** What a change would do now; fails with the reason if it can't. Writes nothing. */
export async function changePlan(input: ChangePlanInput): Promise<ChangePlan> {
  return questions.planChange(input);
}

async function change({ runTime, definition, request }: ChangeInput): Promise<RunResult> {
  const run = new Run({ runTime, definition, request: { trigger: 'manual' }, entity: true });
  const notices = new Notices(run);
  const turn = new EndpointTurn();
  // It looks at no data.
  Object.assign(run.found, { kind: request.kind, asOf: undefined });
  setHandler(progressQuery, () => run.progress());
  try {
    return await stages(run, notices, turn, request);
  } catch (error) {
    throw await finishBadly(run, notices, error);
  }
}

async function stages(
  run: Run,
  notices: Notices,
  turn: EndpointTurn,
  request: ChangeInput['request'],
): Promise<RunResult> {
  const { definition, runTime } = run.input;
  const { kind, by, note } = request;
  run.enter('deploy');
  await turn.take();
  // Nobody else touches the endpoint from here on.
  const plan = await data.planChange({ definition, request, runTime });
  const { config, run: trainedBy, newestDate, files, ...facts } = plan.to;
  const change: Change = {
    kind,
    by,
    ...(note === undefined ? {} : { note }),
    from: plan.from,
    to: { config, run: trainedBy },
  };
  Object.assign(run.found, { change });
  plan.warnings.forEach((line) => run.warn(line));
  run.note(plan.summary);
  notices.post('deploying');
  await perform(run, kind, plan);
  Object.assign(run.found, { ...facts, files, deployedAt: new Date().toISOString() });

  run.enter('record');
  const what = kind === 'rollback' ? 'rolled back' : 'deployed anew';
  const said = note === undefined ? '' : `: ${note}`;
  return finish(
    run,
    notices,
    'Deployed',
    `${what} from ${plan.from.config} to ${config}, the model of ${trainedBy} with data up to ${newestDate}, by ${by}${said}`,
    newestDate,
  );
}
