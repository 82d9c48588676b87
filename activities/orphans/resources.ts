import {
  DeleteEndpointConfigCommand,
  DeleteModelCommand,
  DescribeModelCommand,
  paginateListEndpointConfigs,
  paginateListModels,
  paginateListTrainingJobs,
  paginateListTransformJobs,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import {
  parseDeploymentName,
  parseRunId,
  parseTrainingJobName,
  parseTransformJobName,
  TAGS,
} from '../../contracts/names.js';
import type { Orphan } from '../../contracts/orphans.js';
import { modelOfTransform } from '../../contracts/transforms.js';
import { configTags, listTags } from '../endpoint/create.js';
import { isFailure, withFailures } from '../errors.js';
import { type Tag, tagValue } from '../resources.js';
import type { Made } from './owners.js';

/** Something in SageMaker whose name says that a run made it. */
export interface Candidate {
  readonly kind: Exclude<Orphan['kind'], 'endpoint'>;
  readonly name: string;
  readonly arn: string;
  readonly made: Made;
  readonly status?: string;
}

type Listed = Omit<Candidate, 'made' | 'kind'>;

/** Training and transform jobs under way, endpoint configs and models that bear a run's name, in pages of 100. */
export async function candidates(client: SageMakerClient): Promise<Candidate[]> {
  const page = { client, pageSize: 100 };
  const trainings = (StatusEquals: Unfinished) =>
    listed('ListTrainingJobs', 'training jobs', paginateListTrainingJobs(page, { StatusEquals }), (answer) =>
      (answer.TrainingJobSummaries ?? []).map(({ TrainingJobName, TrainingJobArn, TrainingJobStatus: status }) => ({
        ...listing(TrainingJobName, TrainingJobArn),
        ...(status && { status }),
      })),
    );
  const transforms = (StatusEquals: Unfinished) =>
    listed('ListTransformJobs', 'transform jobs', paginateListTransformJobs(page, { StatusEquals }), (answer) =>
      (answer.TransformJobSummaries ?? []).map(({ TransformJobName, TransformJobArn, TransformJobStatus: status }) => ({
        ...listing(TransformJobName, TransformJobArn),
        ...(status && { status }),
      })),
    );
  const [running, transforming, configs, models] = await Promise.all([
    unfinished(trainings),
    unfinished(transforms),
    listed('ListEndpointConfigs', 'endpoint configs', paginateListEndpointConfigs(page, {}), (answer) =>
      (answer.EndpointConfigs ?? []).map((one) => listing(one.EndpointConfigName, one.EndpointConfigArn)),
    ),
    listed('ListModels', 'models', paginateListModels(page, {}), (answer) =>
      (answer.Models ?? []).map((one) => listing(one.ModelName, one.ModelArn)),
    ),
  ]);
  return [
    ...madeByRuns('training job', running, parseTrainingJobName),
    ...madeByRuns('transform job', transforming, parseTransformJobName),
    ...madeByRuns('endpoint config', configs, parseDeploymentName),
    ...madeByRuns('model', models, parseDeploymentName),
  ];
}

type Unfinished = 'InProgress' | 'Stopping';

/** ListTrainingJobs allows two requests a second: one list after the other. */
const unfinished = async (jobs: (status: Unfinished) => Promise<Listed[]>) => [
  ...(await jobs('InProgress')),
  ...(await jobs('Stopping')),
];

const listing = (name = '', arn = ''): Listed => ({ name, arn });

function madeByRuns(
  kind: Candidate['kind'],
  found: readonly Listed[],
  parse: (name: string) => Made | undefined,
): Candidate[] {
  return found.flatMap((one) => {
    const made = parse(one.name);
    return made ? [{ kind, ...one, made }] : [];
  });
}

async function listed<Page>(
  action: string,
  resource: string,
  pages: AsyncIterable<Page>,
  pick: (page: Page) => Listed[],
): Promise<Listed[]> {
  return withFailures({ action, resource }, async () => {
    const found: Listed[] = [];
    for await (const page of pages) found.push(...pick(page));
    return found;
  });
}

/**
 * Id of the run, or of the deploy by hand, that a resource's tags name, if it has the model and time that its own name says; of the batch
 * transform, whose id has its time to the second, if it has the model. One that is gone meanwhile is nobody's.
 */
export async function taggedRun(
  client: SageMakerClient,
  { kind, name, arn, made }: Candidate,
): Promise<string | undefined> {
  try {
    return runOf(await listTags(client, `${kind} ${name}`, arn), made);
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}

function runOf(tags: readonly Tag[], { model, time }: Made): string | undefined {
  const run = tagValue(tags, TAGS.run);
  if (tagValue(tags, TAGS.model) !== model || run === undefined) return undefined;
  if (modelOfTransform(run) === model) return run;
  const parsed = parseRunId(run);
  return parsed?.model === model && parsed.time === time ? run : undefined;
}

const namesRun = (tags: readonly Tag[], made: Made) => runOf(tags, made) !== undefined;

/** Removes the endpoint config, then the model, of a deployment's name that bear its run's tags. Answers how many there were. */
export async function removeDeployment(client: SageMakerClient, name: string, made: Made): Promise<number> {
  const config = await configTags(client, name);
  const removedConfig =
    config && namesRun(config, made) && (await removeResource(client, 'endpoint config', name)) === 'removed';
  const model = await modelTags(client, name);
  const removedModel = model && namesRun(model, made) && (await removeResource(client, 'model', name)) === 'removed';
  return [removedConfig, removedModel].filter(Boolean).length;
}

async function modelTags(client: SageMakerClient, name: string): Promise<Tag[] | undefined> {
  const resource = `model ${name}`;
  try {
    const { ModelArn } = await withFailures({ action: 'DescribeModel', resource }, () =>
      client.send(new DescribeModelCommand({ ModelName: name })),
    );
    return await listTags(client, resource, ModelArn);
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return undefined;
    throw error;
  }
}

/** Deletes an endpoint config or a model; one that is gone already is fine. */
export async function removeResource(
  client: SageMakerClient,
  kind: 'endpoint config' | 'model',
  name: string,
): Promise<'removed' | 'gone already'> {
  const [action, send] =
    kind === 'model'
      ? ['DeleteModel', () => client.send(new DeleteModelCommand({ ModelName: name }))]
      : ['DeleteEndpointConfig', () => client.send(new DeleteEndpointConfigCommand({ EndpointConfigName: name }))];
  try {
    await withFailures({ action: action as string, resource: `${kind} ${name}` }, send as () => Promise<unknown>);
    return 'removed';
  } catch (error) {
    if (isFailure(error, 'ResourceMissing')) return 'gone already';
    throw error;
  }
}
