import {
  DescribeTrainingJobCommand,
  paginateListTrainingJobs,
  paginateListTransformJobs,
  type DescribeTransformJobCommandOutput,
  type SageMakerClient,
} from '@aws-sdk/client-sagemaker';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import {
  artifactPrefix,
  compactTime,
  parseS3Uri,
  parseTrainingJobName,
  parseTransformJobName,
} from '../../contracts/names.js';
import { missingAsUndefined, withFailures } from '../errors.js';
import { readText } from '../s3/objects.js';
import { describeTransformJob } from '../transforms/jobs.js';
import type { Source } from './sources.js';

/** Jobs described at the same time: SageMaker allows few requests a second. */
const AT_ONCE = 4;
/** Transform jobs that are looked at, newest first: one DescribeTransformJob each. */
const MOST_TRANSFORMS = 2_000;

/** A training job of a run that goes on. */
export interface RunningTraining {
  readonly job: string;
  readonly time: string;
  readonly source: Source;
}

/** What a transform job reads: everything under a prefix, or the objects of a manifest. */
export interface TransformSeen {
  readonly job: string;
  readonly model: string;
  readonly modelName: string;
  readonly outputUri: string;
  readonly running: boolean;
  readonly input:
    | { readonly bucket: string; readonly prefix: string }
    | { readonly bucket: string; readonly keys: readonly string[] };
}

/** Training jobs under way that runs made, with where their runs' records lie: their artefact goes beside them. */
export async function runningTrainings(sagemaker: SageMakerClient): Promise<RunningTraining[]> {
  const names: string[] = [];
  await withFailures({ action: 'ListTrainingJobs', resource: 'training jobs' }, async () => {
    for (const StatusEquals of ['InProgress', 'Stopping'] as const) {
      for await (const page of paginateListTrainingJobs({ client: sagemaker, pageSize: 100 }, { StatusEquals })) {
        heartbeat();
        names.push(...(page.TrainingJobSummaries ?? []).map(({ TrainingJobName = '' }) => TrainingJobName));
      }
    }
  });
  const ours = names.filter((name) => parseTrainingJobName(name) !== undefined);
  const found = await pLimit(AT_ONCE).map(ours, async (job) => {
    const made = parseTrainingJobName(job);
    const detail = await missingAsUndefined(() =>
      withFailures({ action: 'DescribeTrainingJob', resource: `training job ${job}` }, () =>
        sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: job })),
      ),
    );
    const path = detail?.OutputDataConfig?.S3OutputPath?.replace(/\/+$/, '');
    if (!made || !path?.endsWith(artifactPrefix(''))) return undefined;
    const { bucket, key } = parseS3Uri(path);
    const output = key.slice(0, -artifactPrefix('').length);
    return { job, time: made.time, source: { model: made.model, bucket, output } };
  });
  return found.filter((one) => one !== undefined);
}

/** The training jobs of a run that left no outcome, oldest attempt first. */
export async function trainingsOf(
  sagemaker: SageMakerClient,
  { model, time }: { readonly model: string; readonly time: string },
): Promise<string[]> {
  const prefix = `${model}-${compactTime(time)}-`;
  const found: string[] = [];
  await withFailures({ action: 'ListTrainingJobs', resource: `training jobs ${prefix}…` }, async () => {
    const pages = paginateListTrainingJobs({ client: sagemaker, pageSize: 100 }, { NameContains: prefix });
    for await (const page of pages) {
      for (const { TrainingJobName: name = '' } of page.TrainingJobSummaries ?? []) {
        const made = parseTrainingJobName(name);
        if (made?.model === model && made.time === time) found.push(name);
      }
    }
  });
  return found.sort();
}

/**
 * Batch transforms of these models, whenever they ran, and all transform jobs of theirs that go on. The predictions of an evaluation are removed
 * with their run. `more`: older ones that are not looked at.
 */
export async function transformsOf(
  clients: { readonly s3: S3Client; readonly sagemaker: SageMakerClient },
  models: readonly string[],
): Promise<{ readonly seen: readonly TransformSeen[]; readonly more: number }> {
  const listed: { job: string; model: string; at: number }[] = [];
  for (const model of models) listed.push(...(await listTransforms(clients.sagemaker, model)));
  const newest = listed.sort((a, b) => b.at - a.at).slice(0, MOST_TRANSFORMS);
  const seen = await pLimit(AT_ONCE).map(newest, async ({ job, model }) => {
    heartbeat();
    const detail = await missingAsUndefined(() => describeTransformJob(clients.sagemaker, job));
    return detail && seenIn(clients.s3, job, model, detail);
  });
  return { seen: seen.filter((one) => one !== undefined), more: listed.length - newest.length };
}

async function listTransforms(sagemaker: SageMakerClient, model: string) {
  const found: { job: string; model: string; at: number }[] = [];
  await withFailures({ action: 'ListTransformJobs', resource: `transform jobs of ${model}` }, async () => {
    const pages = paginateListTransformJobs({ client: sagemaker, pageSize: 100 }, { NameContains: `${model}-` });
    for await (const page of pages) {
      heartbeat();
      for (const { TransformJobName: job = '', TransformJobStatus, CreationTime } of page.TransformJobSummaries ?? []) {
        if (parseTransformJobName(job)?.model !== model) continue;
        const goesOn = TransformJobStatus === 'InProgress' || TransformJobStatus === 'Stopping';
        if (/-t\d+$/.test(job) || goesOn) found.push({ job, model, at: CreationTime?.getTime() ?? 0 });
      }
    }
  });
  return found;
}

async function seenIn(
  s3: S3Client,
  job: string,
  model: string,
  { ModelName = '', TransformInput, TransformOutput, TransformJobStatus }: DescribeTransformJobCommandOutput,
): Promise<TransformSeen | undefined> {
  const { S3DataType, S3Uri } = TransformInput?.DataSource?.S3DataSource ?? {};
  if (S3Uri === undefined) return undefined;
  const { bucket, key } = parseS3Uri(S3Uri);
  const running = TransformJobStatus === 'InProgress' || TransformJobStatus === 'Stopping';
  const seen = { job, model, modelName: ModelName, outputUri: TransformOutput?.S3OutputPath ?? '', running };
  if (S3DataType !== 'ManifestFile') return { ...seen, input: { bucket, prefix: key } };
  return { ...seen, input: await manifestInput(s3, bucket, key) };
}

/** The objects that a manifest of SageMaker's names (API reference, S3DataSource); none where it is gone or no such manifest. */
async function manifestInput(s3: S3Client, bucket: string, key: string): Promise<TransformSeen['input']> {
  const text = (await readText(s3, bucket, key))?.body ?? '[]';
  try {
    const [head, ...paths] = JSON.parse(text) as [{ prefix: string } | undefined, ...string[]];
    if (!head) return { bucket, keys: [] };
    const base = parseS3Uri(head.prefix);
    return { bucket: base.bucket, keys: paths.map((path) => base.key + path) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return { bucket, keys: [] };
    throw error;
  }
}
