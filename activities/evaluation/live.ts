import { HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import {
  DescribeEndpointConfigCommand,
  DescribeModelCommand,
  type DescribeModelCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { RunRef } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Holdout } from '../../contracts/evaluation.js';
import { fileRecordKey, parseDeploymentName, parseS3Uri, runId, TAGS } from '../../contracts/names.js';
import type { FileRecord } from '../../contracts/records.js';
import { listTags } from '../endpoint/create.js';
import { describeEndpoint } from '../endpoint/standing.js';
import { missingAsUndefined, withFailures } from '../errors.js';
import { tagValue } from '../resources.js';
import { readRecord } from '../s3/records.js';
import { holdoutFiles } from './objects.js';

export interface LiveDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

/** What is live beside a candidate. Nothing but a config where there is no endpoint, or where `notCompared` says why the two are not compared. */
export interface Live {
  readonly config?: string;
  readonly modelName?: string;
  readonly notCompared?: string;
}

/**
 * Finds the model that is live, and whether it may be judged on this holdout: it must be one of this model's runs, must be there still, and
 * must not have trained on any of the holdout's files.
 */
export async function whatIsLive(
  deps: LiveDeps,
  { ref, definition, holdout, candidate }: { ref: RunRef; definition: Definition; holdout: Holdout; candidate: string },
): Promise<Live> {
  const { endpoint } = definition;
  const config = (await describeEndpoint(deps.sagemaker, endpoint.name))?.EndpointConfigName;
  if (config === undefined) return {};
  const not = (why: string): Live => ({ config, notCompared: why });
  const modelName = await modelOfConfig(deps.sagemaker, config, endpoint.variant);
  if (modelName === undefined)
    return not(`endpoint config ${config} is gone, or has more than one variant and none named ${endpoint.variant}`);
  if (modelName === candidate) return not('the candidate itself is live already');
  const made = parseDeploymentName(modelName);
  if (made?.model !== ref.model) return not(`${modelName}, which is live, was not made by a run of ${ref.model}`);
  const model = await missingAsUndefined(() => describeModel(deps.sagemaker, modelName));
  if (!model) return not(`${modelName}, which is live, was deleted`);
  const tags = await listTags(deps.sagemaker, `model ${modelName}`, model.ModelArn);
  if (tagValue(tags, TAGS.model) !== ref.model)
    return not(`${modelName}, which is live, does not bear the tag ${TAGS.model} of ${ref.model}`);
  if (!(await hasArtifact(deps.s3, model))) return not(`the artefact of ${modelName}, which is live, was deleted`);
  const run = runId(made.model, made.time);
  const { bucket, output } = definition.data;
  const record = (await readRecord<FileRecord>(deps.s3, bucket, fileRecordKey(output, made.time)))?.record;
  if (!record)
    return not(`the file record of ${run}, which made the live model, is gone, so what it trained on is not known`);
  const seen = await trainedOn(deps.s3, record, holdout);
  if (seen > 0)
    return not(`${run}, which made the live model, trained on ${seen} of the ${holdout.files} files of the holdout`);
  return { config, modelName };
}

/** How many of the holdout's files a run trained on, by their keys: also one that has other content by now. */
async function trainedOn(s3: S3Client, { files, holdout: kept }: FileRecord, holdout: Holdout): Promise<number> {
  const trained = new Set(files.filter(({ channel }) => channel !== kept).map(({ key }) => key));
  return (await holdoutFiles(s3, holdout.manifestUri)).filter(({ key }) => trained.has(key)).length;
}

/** SageMaker model of the variant that a run deploys to, or of the only one there is; undefined if neither can be told. */
async function modelOfConfig(sagemaker: SageMakerClient, config: string, variant: string): Promise<string | undefined> {
  const found = await missingAsUndefined(() => describeConfig(sagemaker, config));
  const variants = found?.ProductionVariants ?? [];
  const ours = variants.find(({ VariantName }) => VariantName === variant);
  return (ours ?? (variants.length === 1 ? variants[0] : undefined))?.ModelName;
}

/** DescribeEndpointConfig; ResourceMissing if there is none of this name. */
export const describeConfig = (sagemaker: SageMakerClient, config: string) =>
  withFailures({ action: 'DescribeEndpointConfig', resource: `endpoint config ${config}` }, () =>
    sagemaker.send(new DescribeEndpointConfigCommand({ EndpointConfigName: config })),
  );

const describeModel = (sagemaker: SageMakerClient, name: string) =>
  withFailures({ action: 'DescribeModel', resource: `model ${name}` }, () =>
    sagemaker.send(new DescribeModelCommand({ ModelName: name })),
  );

/** A model whose artefact was removed can serve on, but not start anew in a transform job. */
async function hasArtifact(s3: S3Client, { PrimaryContainer }: DescribeModelCommandOutput): Promise<boolean> {
  const uri = PrimaryContainer?.ModelDataUrl;
  if (uri === undefined) return true;
  const { bucket, key } = parseS3Uri(uri);
  const head = await missingAsUndefined(() =>
    withFailures({ action: 'read', resource: uri, permission: 's3:GetObject' }, () =>
      s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
    ),
  );
  return head !== undefined;
}
