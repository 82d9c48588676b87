import { CancellationScope, condition, getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';
import type { DeploymentStarted, TrainingEnded } from '../../contracts/activities.js';
import { durationMs } from '../../contracts/duration.js';
import { MESSAGES } from '../../contracts/runs.js';
import { causeOf } from '../failures.js';
import { WAIT, endpoints, invocations, waits } from '../profiles.js';
import type { Run } from './run.js';

/** Waits for the endpoint's lock, which the model's entity keeps; it frees it when this run ends. */
export async function lockEndpoint(granted: () => boolean): Promise<void> {
  const { parent, workflowId } = workflowInfo();
  if (!parent) return;
  await getExternalWorkflowHandle(parent.workflowId).signal(MESSAGES.endpointWanted, { workflowId });
  await condition(granted);
}

/** Deploys the trained model and verifies it; on any failure after the endpoint was touched, it goes back to what it served before. */
export async function deploy(run: Run, trained: TrainingEnded, manifestUri: string): Promise<DeploymentStarted> {
  const { definition } = run.input;
  const { ref } = run;
  const started = await endpoints.startDeployment({
    ref,
    definition,
    image: run.found.image ?? '',
    artifactUri: trained.artifactUri,
    trainingJob: trained.trainingJob,
  });
  const { endpoint, endpointConfig, modelName, action } = started;
  started.warnings?.forEach((line) => run.warn(line));
  Object.assign(run.found, { endpoint, modelName, endpointConfig });
  run.note(`endpoint \`${endpoint}\` is being ${action} with config \`${endpointConfig}\``);
  try {
    await settled(run, endpoint, endpointConfig);
    if (definition.endpoint.smokeTest !== false) {
      const { latencyMs } = await invocations.smokeTest({ ref, definition, manifestUri, endpoint });
      run.note(`smoke test answered in ${Math.round(latencyMs)} ms`);
    }
    return started;
  } catch (error) {
    await undo(run, started, error);
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

/** Back to the config before, or, where this run created the endpoint, no endpoint: an unproven model doesn't stay live. */
async function undo(run: Run, started: DeploymentStarted, error: unknown): Promise<void> {
  const { endpoint, endpointConfig, previousConfig } = started;
  const { type, cancelled } = causeOf(error);
  // SageMaker itself has returned to the old config already.
  if (type === 'DeploymentRolledBack') return;
  await CancellationScope.nonCancellable(async () => {
    try {
      if (cancelled)
        await settled(run, endpoint, endpointConfig).catch((late: unknown) => run.note(causeOf(late).message));
      const { action } = await endpoints.rollBack({
        ref: run.ref,
        endpoint,
        failedConfig: endpointConfig,
        previousConfig,
      });
      if (action === 'restored' && previousConfig) await settled(run, endpoint, previousConfig);
      if (action === 'removed') await waits.awaitEndpointGone({ endpoint });
      if (action !== 'none')
        run.note(
          `endpoint \`${endpoint}\` ${action === 'restored' ? `is back on \`${previousConfig}\`` : 'was removed'}`,
        );
    } catch (failed) {
      run.warn(
        `endpoint ${endpoint} could not be returned to ${previousConfig ?? 'nothing'}: ${causeOf(failed).message}`,
      );
    }
  });
}
