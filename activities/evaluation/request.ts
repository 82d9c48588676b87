import type { CreateTransformJobRequest, TransformInstanceType } from '@aws-sdk/client-sagemaker';
import type { RunRef } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Holdout } from '../../contracts/evaluation.js';
import { predictionsPrefix, s3Uri, TAGS, transformJobName } from '../../contracts/names.js';
import { fail } from '../errors.js';
import { specHash, tagsOf } from '../resources.js';
import { volumeKeyOf } from '../transforms/requests.js';
import { ACCEPT, type AnswerForm, answersOf } from './answers.js';

export interface EvaluationRequest {
  /** Complete, with its tags. */
  readonly request: CreateTransformJobRequest;
  /** Value of the tag `perennial:spec`: the hash of the request without its tags. */
  readonly spec: string;
  readonly warnings: readonly string[];
}

export interface EvaluationJob {
  readonly ref: RunRef;
  readonly definition: Definition;
  readonly holdout: Holdout;
  readonly of: 'candidate' | 'live';
  readonly round: number;
  readonly modelName: string;
}

/**
 * What is left out of the rows on their way to the model, and left of them in the answers. A CSV answer is joined to its row, of which the
 * first field, the label, and the last, the answer's last, remain: no copy without labels exists, and none of the features is written again.
 * SageMaker joins only like to like, so JSON Lines stand alone, in the order of the rows. Source: developer guide, Associate Prediction Results.
 */
const PROCESSING: Readonly<Record<AnswerForm, NonNullable<CreateTransformJobRequest['DataProcessing']>>> = {
  csv: { InputFilter: '$[1:]', JoinSource: 'Input', OutputFilter: '$[0,-1]' },
  jsonlines: { InputFilter: '$[1:]' },
};

/**
 * CreateTransformJob over the holdout. Pure: the same input gives the same request. Fails with InvalidRequest for an instance type that can't
 * take the volume key which the definition demands.
 */
export function evaluationRequest({
  ref,
  definition,
  holdout,
  of,
  round,
  modelName,
}: EvaluationJob): EvaluationRequest {
  const { evaluation, encryption, data } = definition;
  if (!evaluation)
    throw fail('DefinitionInvalid', `Model ${ref.model} has no evaluation: give it one, or start a new run`);
  const form = answersOf(definition);
  const volume = volumeKeyOf(definition, evaluation.instanceType, 'evaluation.instanceType');
  const outputKey = encryption.output ?? encryption.key;
  const name = transformJobName(ref.model, ref.runTime, of, round);
  const request: CreateTransformJobRequest = {
    TransformJobName: name,
    ModelName: modelName,
    BatchStrategy: 'MultiRecord',
    TransformInput: {
      DataSource: { S3DataSource: { S3DataType: 'ManifestFile', S3Uri: holdout.manifestUri } },
      // Parameters such as label_size speak of rows with a label, which these have no more when the model gets them.
      ContentType: data.contentType.split(';')[0]?.trim(),
      SplitType: 'Line',
    },
    TransformOutput: {
      S3OutputPath: s3Uri(data.bucket, outputFolder(definition, ref, name)),
      AssembleWith: 'Line',
      Accept: ACCEPT[form],
      ...(outputKey && { KmsKeyId: outputKey }),
    },
    TransformResources: {
      InstanceType: evaluation.instanceType as TransformInstanceType,
      InstanceCount: evaluation.count,
      // Unlike that of a training job, this key may be an alias (API reference, TransformResources.VolumeKmsKeyId).
      ...(volume.key && { VolumeKmsKeyId: volume.key }),
    },
    DataProcessing: PROCESSING[form],
  };
  const spec = specHash(request);
  return {
    request: { ...request, Tags: tagsOf(ref, definition, { [TAGS.spec]: spec }) },
    spec,
    warnings: volume.warnings,
  };
}

/** Folder that a transform job of a run's evaluation writes to: `candidate/`, or `live-<number>/`, as its name ends. */
export function outputFolder({ data }: Definition, ref: RunRef, transformJob: string): string {
  const round = /-l(\d+)$/.exec(transformJob)?.[1];
  return `${predictionsPrefix(data.output, ref.runTime)}${round === undefined ? 'candidate' : `live-${round}`}/`;
}
