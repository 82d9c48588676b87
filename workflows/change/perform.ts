import type { ChangePlan, ChangeRequest } from '../../contracts/versions.js';
import { causeOf, heedCancel } from '../failures.js';
import { endpoints, invocations } from '../profiles.js';
import { settled, undo } from '../retrain/deploy.js';
import type { Run } from '../retrain/run.js';

/** Brings the endpoint to the planned config and verifies it; on any failure it goes back to what was live. */
export async function perform(run: Run, kind: ChangeRequest['kind'], plan: ChangePlan): Promise<void> {
  const { definition } = run.input;
  const { ref } = run;
  const { endpoint, from, to } = plan;
  // Known before the endpoint is touched: an update whose answer never came is taken back too.
  const touched = { endpoint, endpointConfig: to.config, previousConfig: from.config };
  try {
    const { warnings } = await endpoints.startChange({ ref, definition, kind, plan });
    warnings.forEach((line) => run.warn(line));
    Object.assign(run.found, { endpoint, modelName: to.modelName, endpointConfig: to.config });
    run.note(`endpoint \`${endpoint}\` is being updated to config \`${to.config}\``);
    await settled(run, endpoint, to.config);
    await smokeTest(run, plan);
    // The last moment: what is verified and not taken back is recorded.
    heedCancel();
  } catch (error) {
    if (causeOf(error).type !== 'LiveChanged') await undo(run, touched, error);
    throw error;
  }
}

/** As a deployment does it, with a row that the model was trained on. Where that is gone, the version goes without: it served before. */
async function smokeTest(run: Run, { endpoint, to }: ChangePlan): Promise<void> {
  const { definition } = run.input;
  const wanted = definition.endpoint.smokeTest;
  if (wanted === false) return;
  const { manifestUri } = to;
  if (manifestUri === undefined && wanted === true) {
    run.warn(`no smoke test: the manifest of ${to.run} is not recorded`);
    return;
  }
  try {
    const { latencyMs } = await invocations.smokeTest({
      ref: run.ref,
      definition,
      manifestUri: manifestUri ?? '',
      endpoint,
    });
    run.note(`smoke test answered in ${Math.round(latencyMs)} ms`);
  } catch (error) {
    const { type, message } = causeOf(error);
    if (type !== 'ResourceMissing' && type !== 'DataInvalid') throw error;
    run.warn(`no smoke test: ${message}`);
    // What is missing may be the endpoint.
    await settled(run, endpoint, to.config);
  }
}
