import type { Definition } from '../../contracts/definition/index.js';
import { deploymentName, parseDeploymentName, type RunTime } from '../../contracts/names.js';
import type { ChangePlan, ChangePlanInput, Trained } from '../../contracts/versions.js';
import { definitionHash, modelHash } from '../data/hashes.js';
import { configRequest } from '../endpoint/requests.js';
import { fail } from '../errors.js';
import { targetOf } from './target.js';
import { type Candidate, lookAtVersions, type Sight, type VersionDeps } from './look.js';

/** Stands for the config of a deploy that was not begun. */
const TO_BE_MADE = 'a new config';

/** Decides what a change of the endpoint by hand does, or fails with the reason in one sentence. Reads only. */
export async function planChange(
  deps: VersionDeps,
  { definition, request, runTime }: ChangePlanInput & { readonly runTime?: RunTime },
): Promise<ChangePlan> {
  const { name } = definition.endpoint;
  const sight = await lookAtVersions(deps, definition);
  const liveConfig = sight.live?.EndpointConfigName;
  if (liveConfig === undefined) {
    throw fail(
      'ResourceMissing',
      `Nothing is live: there is no endpoint ${name}. \`perennial run ${definition.name}\` deploys the model`,
    );
  }
  if (sight.live?.EndpointStatus === 'Failed') {
    throw fail(
      'EndpointFailed',
      `Endpoint ${name} is in status Failed, in which SageMaker allows nothing but to delete it: run "perennial endpoint delete ${definition.name}", then start a new run`,
    );
  }
  if (request.from !== undefined && request.from !== liveConfig) {
    throw fail(
      'LiveChanged',
      `Endpoint ${name} serves ${liveConfig} by now, not ${request.from}: nothing was changed. Look at \`perennial models ${definition.name}\`, and ask again if you still want to`,
    );
  }
  const live = sight.candidates.find(({ version }) => version.live);
  const plan =
    request.kind === 'rollback'
      ? planRollback(definition, sight, live, liveConfig, request.to)
      : planDeploy(definition, live, liveConfig, { force: request.force === true, runTime });
  return { endpoint: name, from: fromOf(live, liveConfig), ...plan };
}

function fromOf(live: Candidate | undefined, config: string): ChangePlan['from'] {
  const { version, trained } = live ?? {};
  if (!trained) return { config, ...(version?.run !== undefined && { run: version.run }) };
  const { fileRecordUri, dataHash, definitionHash: hash } = trained;
  return { config, run: version?.run, snapshot: { fileRecordUri, dataHash, definitionHash: hash } };
}

type Decided = Pick<ChangePlan, 'to' | 'summary' | 'warnings'>;

function planRollback(
  definition: Definition,
  sight: Sight,
  live: Candidate | undefined,
  liveConfig: string,
  to: string | undefined,
): Decided {
  const { version, trained } = targetOf(definition, sight.candidates, live, liveConfig, to);
  const { config, run = '', modelName = '' } = version;
  const words = (one: Candidate['version'] | undefined) =>
    one?.newestDate === undefined ? '' : ` (${one.run}, data up to ${one.newestDate})`;
  return {
    to: { config, run, modelName, ...trained },
    summary: `${definition.endpoint.name} goes from ${liveConfig}${words(live?.version)} back to ${config}${words(version)}`,
    warnings: [],
  };
}

function planDeploy(
  definition: Definition,
  live: Candidate | undefined,
  liveConfig: string,
  { force, runTime }: { force: boolean; runTime: RunTime | undefined },
): Decided {
  const { name, endpoint } = definition;
  if (!live) {
    throw fail(
      'InvalidRequest',
      `Endpoint ${endpoint.name} serves ${liveConfig}, which no run of ${name} made, so its model is not known: \`perennial run ${name}\` deploys one`,
    );
  }
  const { version, trained } = live;
  if (!trained) {
    throw fail(
      'InvalidRequest',
      `The live version ${liveConfig} can't be deployed anew: ${version.unusable}. \`perennial run ${name} --force\` makes another`,
    );
  }
  const { run = '', modelName = '' } = version;
  if (!force && specOf(definition, live) === live.config.spec) {
    throw fail(
      'InvalidRequest',
      `Nothing to deploy: ${liveConfig} has the definition's instance type, count and other settings already (${inWords(live)}); --force deploys it all the same`,
    );
  }
  const { hash, warnings } = nextDefinitionHash(definition, run, trained);
  return {
    to: {
      ...trained,
      config: runTime === undefined ? TO_BE_MADE : deploymentName(name, runTime),
      run,
      modelName,
      definitionHash: hash,
    },
    summary: `${endpoint.name} gets the model of ${run}, which it serves on ${inWords(live)}, on ${endpoint.count} × ${endpoint.instanceType}`,
    warnings,
  };
}

const inWords = ({ config: { count, instanceType } }: Candidate) => `${count ?? '?'} × ${instanceType ?? '?'}`;

/** The hash that the live config's tag would have if the definition of today had made it. */
function specOf(definition: Definition, { version }: Candidate): string {
  const runTime = parseDeploymentName(version.config)?.time ?? '';
  const ref = { model: definition.name, run: version.madeBy, runTime };
  return configRequest({ ref, definition, ...(version.modelName !== undefined && { modelName: version.modelName }) })
    .spec;
}

/** A change of the endpoint alone is done with the deploy. Of anything else the next run has to hear still. */
function nextDefinitionHash(
  definition: Definition,
  run: string,
  trained: Trained,
): { hash: string; warnings: string[] } {
  if (trained.modelHash === modelHash(definition)) return { hash: definitionHash(definition), warnings: [] };
  const what =
    trained.modelHash === undefined
      ? `it is not recorded what else of the definition changed since ${run}`
      : `more of the definition than its endpoint section changed since ${run}`;
  return { hash: trained.definitionHash, warnings: [`${what}: the next run trains`] };
}
