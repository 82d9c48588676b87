import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { CheckDataInput } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import { imageUri } from '../../contracts/images.js';
import { takesVolumeKey } from '../../contracts/instances.js';
import type { Preview } from '../../contracts/questions.js';
import { describeEndpoint } from '../endpoint/standing.js';
import { fail } from '../errors.js';
import { holdoutOf } from './holdout.js';
import { describeFiles } from './look.js';
import type { Look } from './look.js';
import { counted } from './news.js';

/** What a run would do about what it has seen. Reads the endpoint's status, writes nothing. */
export async function preview(
  sagemaker: SageMakerClient,
  region: string,
  { definition, asOf }: CheckDataInput,
  seen: Look,
): Promise<Preview> {
  const { verdict, missing } = seen;
  const wouldTrain = verdict.news && missing === undefined;
  const found = describeFiles(seen.files);
  const { name } = definition.endpoint;
  const status = (await describeEndpoint(sagemaker, name))?.EndpointStatus;
  const { reasons, added, changed, removed } = verdict;
  return {
    wouldTrain,
    reasons: [
      ...(missing === undefined ? [] : [missing]),
      ...(missing === undefined || found.newestDate !== undefined ? reasons : []),
      ...holdoutInWords(definition, seen.files),
    ],
    asOf,
    ...found,
    added,
    changed,
    removed,
    image: image(definition, region),
    instanceTypes: definition.training.instances,
    // Data that is prepared first may be news.
    endpointAction: !wouldTrain && !definition.prepare ? 'none' : status === undefined ? 'create' : 'update',
    endpoint: name,
    warnings: [...keyWarnings(definition), ...endpointWarnings(name, status)],
  };
}

function holdoutInWords(definition: Definition, files: Look['files']): string[] {
  const holdout = holdoutOf(definition, files);
  if (!holdout) return [];
  const dates = holdout.from === holdout.to ? `of ${holdout.from}` : `from ${holdout.from} to ${holdout.to}`;
  return [`${counted(holdout.files, 'file')} ${dates} would be kept from training, to judge the models on`];
}

function image({ training }: Definition, region: string): string {
  if (training.image !== undefined) return training.image;
  if (training.algorithm === undefined)
    throw fail('DefinitionInvalid', 'training names no algorithm and no image: give one');
  try {
    return imageUri(training.algorithm, region);
  } catch (cause) {
    if (cause instanceof RangeError) throw fail('DefinitionInvalid', cause.message, { cause });
    throw cause;
  }
}

function keyWarnings({ training, encryption }: Definition): string[] {
  if ((encryption.volume ?? encryption.key) === undefined) return [];
  return training.instances
    .filter((type) => !takesVolumeKey(type))
    .map((type) =>
      encryption.allowInstanceWithoutVolumeKey
        ? `${type} takes no volume key: its local NVMe encrypts by itself, and the run goes on without yours`
        : `${type} takes no volume key: a run refuses it unless encryption.allowInstanceWithoutVolumeKey is true`,
    );
}

function endpointWarnings(name: string, status: string | undefined): string[] {
  if (status === undefined || status === 'InService') return [];
  return [
    status === 'Failed'
      ? `endpoint ${name} is Failed, which SageMaker can only delete: delete it before the run deploys`
      : `endpoint ${name} is ${status} now, not InService`,
  ];
}
