import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import type { SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { EndpointActivities } from '../../contracts/activities.js';
import { parseS3Uri } from '../../contracts/names.js';
import { fail, isFailure, toFailure, withFailures } from '../errors.js';
import { invoke, type InvocationAnswer } from '../invoke.js';
import { answeredByS3 } from '../s3/objects.js';
import { difference, judgedRows } from './judged-rows.js';

/** Pauses between tries right after the endpoint came into service, when a front end may not know it yet. Then Temporal retries. */
const PAUSES_MS = [100, 200, 400, 800];
/** The first row is looked for in this much of the object. */
const HEAD_BYTES = 65_536;

interface Sample {
  readonly body: string;
  readonly contentType: string;
  readonly accept?: string;
}

type SmokeTestInput = Parameters<EndpointActivities['smokeTest']>[0];

/**
 * Sends one request to the live endpoint: the definition's own, else rows of the holdout, whose answers must be those of the batch transform,
 * else the newest training row without its label.
 */
export async function smokeTest(
  { sagemakerRuntime, s3 }: { sagemakerRuntime: SageMakerRuntimeClient; s3: S3Client },
  { ref, definition, manifestUri, endpoint, holdout }: SmokeTestInput,
): ReturnType<EndpointActivities['smokeTest']> {
  const wanted = definition.endpoint.smokeTest;
  const judged = holdout && typeof wanted !== 'object' ? await judgedRows(s3, { ref, definition, holdout }) : undefined;
  const sample =
    typeof wanted === 'object' ? wanted : (judged ?? (await newestRow(s3, manifestUri, definition.data.contentType)));
  const began = performance.now();
  const { answer, latencyMs } = await invokePatiently(sagemakerRuntime, endpoint, sample, began);
  if (answer.refusal !== undefined) {
    throw failed(endpoint, `the model answered HTTP ${answer.status}: ${answer.refusal}`);
  }
  if (answer.status !== 200) throw failed(endpoint, `it answered HTTP ${answer.status}`);
  if (answer.body.length === 0) throw failed(endpoint, 'its answer was empty');
  if (!judged) return { latencyMs };
  const differs = difference(Buffer.from(answer.body).toString('utf8'), judged.predictions);
  if (differs !== undefined) throw failed(endpoint, differs);
  return { latencyMs, compared: judged.predictions.length };
}

const failed = (endpoint: string, what: string) =>
  fail(
    'SmokeTestFailed',
    `Smoke test of endpoint ${endpoint}: ${what}. Its log is in CloudWatch Logs, group /aws/sagemaker/Endpoints/${endpoint}; endpoint.smokeTest in the definition sets what is sent`,
  );

async function invokePatiently(
  runtime: SageMakerRuntimeClient,
  endpoint: string,
  sample: Sample,
  began: number,
  tries = 0,
): Promise<{ answer: InvocationAnswer; latencyMs: number }> {
  const pause = PAUSES_MS[tries];
  try {
    const answer = await invoke(runtime, { endpoint, ...sample });
    if (answer.status !== 503 || pause === undefined)
      return { answer, latencyMs: Math.round(performance.now() - began) };
  } catch (error) {
    const passing = isFailure(error, 'Throttled', 'ServiceUnavailable', 'NetworkError', 'ResourceMissing');
    if (!passing || pause === undefined) throw error;
  }
  await new Promise((resolve) => setTimeout(resolve, pause));
  return invokePatiently(runtime, endpoint, sample, performance.now(), tries + 1);
}

/** First row of the manifest's newest object, without its first column: the label, by the convention of the built-in algorithms. */
async function newestRow(s3: S3Client, manifestUri: string, contentType: string): Promise<Sample> {
  if (!contentType.startsWith('text/csv')) {
    throw fail(
      'DefinitionInvalid',
      `No request can be made from training data of type ${contentType}: give endpoint.smokeTest a body and a contentType, or set it to false`,
    );
  }
  const object = newestObject(await readText(s3, manifestUri), manifestUri);
  const head = await readHead(s3, object, manifestUri);
  const line = /^[^\r\n]+/m.exec(head)?.[0];
  const label = line && /^(?:"(?:[^"]|"")*"|[^",]*),/.exec(line)?.[0];
  if (!line || !label || line.length >= HEAD_BYTES) {
    throw fail(
      'DataInvalid',
      `The newest object of ${manifestUri} does not begin with a CSV row of a label and at least one value: put it right, or give endpoint.smokeTest a body`,
    );
  }
  return { body: `${line.slice(label.length)}\n`, contentType };
}

/** The manifest's newest object: `[{"prefix":"s3://b/p/"},"2026-11-20.csv",…]`, whose names begin with their date. */
function newestObject(manifest: string, manifestUri: string): string {
  const invalid = (cause?: unknown) =>
    fail(
      'DataInvalid',
      `${manifestUri} is not a manifest with at least one object: start a new run, which writes its own`,
      { cause },
    );
  let entries: unknown;
  try {
    entries = JSON.parse(manifest);
  } catch (cause) {
    throw invalid(cause);
  }
  const [head, ...names] = Array.isArray(entries) ? (entries as unknown[]) : [];
  const prefix = (head as { prefix?: unknown } | undefined)?.prefix;
  const newest = names
    .filter((name) => typeof name === 'string')
    .sort()
    .at(-1);
  if (typeof prefix !== 'string' || newest === undefined) throw invalid();
  return prefix + newest;
}

async function readText(s3: S3Client, uri: string): Promise<string> {
  return withFailures({ action: 'read', resource: uri, permission: 's3:GetObject' }, () => get(s3, uri));
}

/** The beginning of a data object. Its key reaches no history: failures name the manifest, and S3's words lose the key. */
async function readHead(s3: S3Client, uri: string, manifestUri: string): Promise<string> {
  try {
    return await get(s3, uri, `bytes=0-${HEAD_BYTES - 1}`);
  } catch (error) {
    const { key } = parseS3Uri(uri);
    if (error instanceof Error) {
      error.message = error.message.replaceAll(key, '…');
      error.stack = error.stack?.replaceAll(key, '…');
    }
    throw toFailure(error, {
      action: 'read',
      resource: `newest object of ${manifestUri}`,
      permission: 's3:GetObject',
    });
  }
}

async function get(s3: S3Client, uri: string, range?: string): Promise<string> {
  const { bucket, key } = parseS3Uri(uri);
  const object = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: range }));
  answeredByS3(object.ETag, range === undefined ? uri : 'the newest object of the training data');
  return (await object.Body?.transformToString()) ?? '';
}
