import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { DeploymentStarted, TrainingEnded } from '../../contracts/activities.js';
import { durationMs } from '../../contracts/duration.js';
import type { Holdout } from '../../contracts/evaluation.js';
import { deploymentName } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import { causeOf, heedCancel } from '../failures.js';
import { CHANGE, WAIT, endpoints, invocations, waits } from '../profiles.js';
import type { Run } from './run.js';

/** How long a roll-back may take to be accepted once the endpoint stands. */
const ROLL_BACK_MS = 3_600_000;

/** Rows that a verified deployment must answer. */
export interface Shown {
  readonly manifestUri: string;
  readonly holdout: Holdout | undefined;
}

/** What a deployment has to take back; the config before is known once it was answered. */
interface Touched {
  readonly endpoint: string;
  readonly endpointConfig: string;
  previousConfig?: string;
}

/** A run's turn at the endpoint. The model's entity keeps the lock, and frees it at the latest when the run ends. */
export class EndpointTurn {
  private granted = false;

  constructor() {
    setHandler(defineSignal(MESSAGES.endpointGranted), () => {
      this.granted = true;
    });
  }

  /** Waits for the lock; a run of its own has none to wait for. */
  async take(): Promise<void> {
    const { parent, workflowId } = workflowInfo();
    if (!parent) return;
    await getExternalWorkflowHandle(parent.workflowId).signal(MESSAGES.endpointWanted, { workflowId });
    await condition(() => this.granted);
  }

  /** Lets others at the endpoint, until it is taken again. */
  async giveBack(): Promise<void> {
    const { parent, workflowId } = workflowInfo();
    if (!parent) return;
    this.granted = false;
    await getExternalWorkflowHandle(parent.workflowId).signal(MESSAGES.endpointReturned, { workflowId });
  }
}

/**
 * Deploys the trained model and verifies it; on any failure the endpoint goes back to what it served before, and what was made for it is
 * removed. LiveChanged, if the candidate was judged against another model than the one that is live now: then nothing was touched.
 */
export async function deploy(
  run: Run,
  trained: TrainingEnded,
  { manifestUri, holdout }: Shown,
): Promise<DeploymentStarted> {
  const { definition } = run.input;
  const { ref } = run;
  // Known before the endpoint is touched: an update whose answer never came is taken back too.
  const touched: Touched = {
    endpoint: definition.endpoint.name,
    endpointConfig: deploymentName(ref.model, ref.runTime),
  };
  try {
    const started = await endpoints.startDeployment({
      ref,
      definition,
      image: run.found.image ?? '',
      artifactUri: trained.artifactUri,
      trainingJob: trained.trainingJob,
      ...(run.found.evaluation ? { judgedAgainst: run.found.evaluation.liveConfig ?? null } : {}),
    });
    const { endpoint, endpointConfig, modelName, action } = started;
    touched.previousConfig = started.previousConfig;
    started.warnings?.forEach((line) => run.warn(line));
    Object.assign(run.found, { endpoint, modelName, endpointConfig });
    run.note(`endpoint \`${endpoint}\` is being ${action} with config \`${endpointConfig}\``);
    await settled(run, endpoint, endpointConfig);
    if (definition.endpoint.smokeTest !== false) {
      const { latencyMs, compared } = await invocations.smokeTest({ ref, definition, manifestUri, endpoint, holdout });
      const same = compared === undefined ? '' : `, as the batch predictions of the same ${compared} rows`;
      run.note(`smoke test answered in ${Math.round(latencyMs)} ms${same}`);
    }
    // The last moment: what is verified and not taken back is recorded.
    heedCancel();
    return started;
  } catch (error) {
    if (causeOf(error).type !== 'LiveChanged') await undo(run, touched, error);
    throw error;
  }
}

export async function settled(run: Run, endpoint: string, endpointConfig: string): Promise<void> {
  const { endpoint: wanted, waiting } = run.input.definition;
  await waits.awaitEndpoint.executeWithOptions(
    { ...WAIT, scheduleToCloseTimeout: durationMs(wanted.maxWait), summary: `${endpoint} on ${endpointConfig}` },
    [{ ref: run.ref, endpoint, endpointConfig, poll: waiting.poll }],
  );
}

/**
 * Back to the config before, or, where this run created the endpoint, no endpoint: an unproven model doesn't stay live. Then the run's
 * config and model are removed, which serve nothing any more.
 */
export async function undo(run: Run, touched: Touched, error: unknown): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    const back = await rollBack(run, touched, error);
    if (back) await discard(run, touched, back);
  });
}

type Back = Parameters<typeof waits.discardDeployment>[0]['back'];

/** Asks for the roll-back; undefined where it can't be had, which the run warns about. */
async function rollBack(run: Run, touched: Touched, error: unknown): Promise<Back | undefined> {
  // SageMaker itself has returned to the old config already.
  if (causeOf(error).type === 'DeploymentRolledBack') return { action: 'none' };
  const { endpoint, endpointConfig, previousConfig } = touched;
  try {
    return await endpoints.rollBack.executeWithOptions({ ...CHANGE, scheduleToCloseTimeout: patienceOf(run) }, [
      { ref: run.ref, endpoint, failedConfig: endpointConfig, previousConfig },
    ]);
  } catch (failed) {
    warnOfUnproven(run, touched, failed);
    return undefined;
  }
}

async function discard(run: Run, touched: Touched, back: Back): Promise<void> {
  const { endpoint, endpointConfig } = touched;
  try {
    const { warnings } = await waits.discardDeployment.executeWithOptions(
      { ...WAIT, scheduleToCloseTimeout: patienceOf(run), summary: `${endpoint} without ${endpointConfig}` },
      [{ ref: run.ref, definition: run.input.definition, back }],
    );
    warnings.forEach((line) => run.warn(line));
    if (back.action === 'none') return;
    run.note(`endpoint \`${endpoint}\` ${back.action === 'removed' ? 'was removed' : `is back on \`${back.config}\``}`);
  } catch (failed) {
    if (back.action !== 'none') warnOfUnproven(run, touched, failed);
    else
      run.warn(
        `model and config ${endpointConfig} may still be there, \`perennial orphans\` lists them: ${causeOf(failed).message}`,
      );
  }
}

/** An endpoint that moves can't be turned back before it stands. */
const patienceOf = (run: Run) => durationMs(run.input.definition.endpoint.maxWait) + ROLL_BACK_MS;

function warnOfUnproven(run: Run, { endpoint, endpointConfig, previousConfig }: Touched, failed: unknown): void {
  run.warn(
    `endpoint ${endpoint} may be on ${endpointConfig}, which is not proven, instead of ${previousConfig ?? 'what was there before'}: ${causeOf(failed).message}`,
  );
}
