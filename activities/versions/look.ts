import type { DescribeEndpointOutput, SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import type { Definition } from '../../contracts/definition/index.js';
import { deployedKey, fileRecordKey, outcomeKey, parseDeploymentName, runId, s3Uri } from '../../contracts/names.js';
import type { DeployedPointer, FileRecord, Metric, OutcomeObject } from '../../contracts/records.js';
import type { Trained, Version } from '../../contracts/versions.js';
import { describeFiles } from '../data/look.js';
import { describeEndpoint } from '../endpoint/standing.js';
import { readRecord } from '../s3/records.js';
import { type Config, describeConfig, hasModel, listConfigs } from './configs.js';

/** Versions looked at at the same time. */
const READERS = 4;

export interface VersionDeps {
  readonly sagemaker: SageMakerClient;
  readonly s3: S3Client;
}

/** A version with what a change of the endpoint needs to know of it. */
export interface Candidate {
  readonly version: Version;
  readonly config: Config;
  /** There for every version that is usable. */
  readonly trained?: Trained;
}

/** What is live, and the versions that are kept, newest first. */
export interface Sight {
  readonly live?: DescribeEndpointOutput;
  readonly candidates: readonly Candidate[];
}

/** Looks at the endpoint, the model's endpoint configs, and the records of the runs that trained what they name. */
export async function lookAtVersions({ sagemaker, s3 }: VersionDeps, definition: Definition): Promise<Sight> {
  const { bucket, output } = definition.data;
  const [live, listed, pointer] = await Promise.all([
    describeEndpoint(sagemaker, definition.endpoint.name),
    listConfigs(sagemaker, definition.name),
    readRecord<DeployedPointer>(s3, bucket, deployedKey(output)),
  ]);
  const limit = pLimit(READERS);
  const found = await limit.map(listed, async ({ name }): Promise<Candidate | undefined> => {
    const config = await describeConfig(sagemaker, name);
    // One that clean-up removed meanwhile, or that only bears such a name.
    if (config?.owner !== definition.name) return undefined;
    return candidateOf({ sagemaker, s3 }, definition, config, live?.EndpointConfigName, pointer?.record);
  });
  return { live, candidates: found.filter((one) => one !== undefined) };
}

async function candidateOf(
  { sagemaker, s3 }: VersionDeps,
  definition: Definition,
  config: Config,
  liveConfig: string | undefined,
  pointer: DeployedPointer | undefined,
): Promise<Candidate> {
  const { bucket, output } = definition.data;
  const modelName = config.models[0];
  const made = modelName === undefined ? undefined : parseDeploymentName(modelName);
  const time = made?.time ?? '';
  const outcomeAt = async (at: string) => (await readRecord<OutcomeObject>(s3, bucket, outcomeKey(output, at)))?.record;
  const configTime = parseDeploymentName(config.name)?.time ?? '';
  const [model, outcome, own, record] = await Promise.all([
    modelName !== undefined && hasModel(sagemaker, modelName),
    made && outcomeAt(time),
    // The outcome of what made the config: the run's own, or that of a deploy by hand.
    outcomeAt(configTime),
    made && readRecord<FileRecord>(s3, bucket, fileRecordKey(output, time)).then((stored) => stored?.record),
  ]);
  const files = record && describeFiles(record.files);
  const live = config.name === liveConfig;
  const version: Version = {
    config: config.name,
    madeBy: config.madeBy ?? '',
    modelName,
    ...(made && { run: runId(made.model, time) }),
    instanceType: config.instanceType,
    count: config.count,
    oldestDate: files?.oldestDate,
    newestDate: files?.newestDate,
    files: files?.files,
    metrics: outcome ? decidingMetrics(outcome) : [],
    deployedAt: live && pointer?.endpointConfig === config.name ? pointer.deployedAt : own?.deployedAt,
    live,
    previous: config.previous,
  };
  const trained = record &&
    files?.newestDate !== undefined && {
      fileRecordUri: s3Uri(bucket, fileRecordKey(output, time)),
      manifestUri: outcome?.manifestUri,
      files: files.files,
      newestDate: files.newestDate,
      dataHash: record.dataHash,
      definitionHash: own?.definitionHash ?? record.definitionHash,
      modelHash: record.modelHash,
    };
  const unusable = !model
    ? `its SageMaker model ${modelName ?? ''} was deleted`
    : own?.outcome !== 'Deployed'
      ? `${config.madeBy} ${own ? `ended as ${own.outcome}` : 'left no outcome object'}, so nothing says that it was ever verified`
      : !trained
        ? `the file record of ${version.run} is gone, so nothing says what its model was trained on: restore it in S3`
        : undefined;
  return unusable === undefined && trained
    ? { version, config, trained }
    : { version: { ...version, ...(unusable !== undefined && { unusable }) }, config };
}

/** The metric that decided about the candidate; without an evaluation those of its training job. */
function decidingMetrics({ evaluation, metrics }: OutcomeObject): readonly Metric[] {
  const value = evaluation?.candidate.metrics[evaluation.metric];
  return evaluation && typeof value === 'number' ? [{ name: evaluation.metric, value }] : metrics;
}
