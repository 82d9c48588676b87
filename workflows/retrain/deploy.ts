import { CancellationScope, condition, getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';
import type { DeploymentStarted, TrainingEnded } from '../../contracts/activities.js';
import { durationMs } from '../../contracts/duration.js';
import { deploymentName } from '../../contracts/names.js';
import { MESSAGES } from '../../contracts/runs.js';
import { causeOf, heedCancel } from '../failures.js';
import { CHANGE, WAIT, endpoints, invocations, waits } from '../profiles.js';
import type { Run } from './run.js';

/** How long a roll-back may take to be accepted once the endpoint stands. */
const ROLL_BACK_MS = 3_600_000;

/** What a deployment has to take back; the config before is known once it was answered. */
interface Touched {
  readonly endpoint: string;
  readonly endpointConfig: string;
  previousConfig?: string;
}

/** Waits for the endpoint's lock, which the model's entity keeps; it frees it when this run ends. */
export async function lockEndpoint(granted: () => boolean): Promise<void> {
  const { parent, workflowId } = workflowInfo();
  if (!parent) return;
  await getExternalWorkflowHandle(parent.workflowId).signal(MESSAGES.endpointWanted, { workflowId });
  await condition(granted);
}

/** Deploys the trained model and verifies it; on any failure the endpoint goes back to what it served before, and what was made for it is removed. */
export async function deploy(run: Run, trained: TrainingEnded, manifestUri: string): Promise<DeploymentStarted> {
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
    });
    const { endpoint, endpointConfig, modelName, action } = started;
    touched.previousConfig = started.previousConfig;
    started.warnings?.forEach((line) => run.warn(line));
    Object.assign(run.found, { endpoint, modelName, endpointConfig });
    run.note(`endpoint \`${endpoint}\` is being ${action} with config \`${endpointConfig}\``);
    await settled(run, endpoint, endpointConfig);
    if (definition.endpoint.smokeTest !== false) {
      const { latencyMs } = await invocations.smokeTest({ ref, definition, manifestUri, endpoint });
      run.note(`smoke test answered in ${Math.round(latencyMs)} ms`);
    }
    // The last moment: what is verified and not taken back is recorded.
    heedCancel();
    return started;
  } catch (error) {
    await undo(run, touched, error);
    throw error;
  }
}

async function settled(run: Run, endpoint: string, endpointConfig: string): Promise<void> {
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
async function undo(run: Run, touched: Touched, error: unknown): Promise<void> {
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
