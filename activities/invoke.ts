import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { InvokeEndpointCommand, ModelError, type SageMakerRuntimeClient } from '@aws-sdk/client-sagemaker-runtime';
import type { EndpointActivities } from '../contracts/activities.js';
import { parseS3Uri } from '../contracts/names.js';
import { fail, withFailures } from './errors.js';

/** Largest request that a real-time endpoint takes, and largest answer (SageMaker developer guide, quotas). */
const LARGEST_BODY = 6_291_456;
/** Of what a model says about a request, this much is passed on. */
const LONGEST_WORDS = 300;

export interface Invocation {
  readonly endpoint: string;
  readonly body: string | Uint8Array;
  readonly contentType: string;
  readonly accept?: string;
}

export interface InvocationAnswer {
  /** HTTP status of the container's own answer. */
  readonly status: number;
  readonly body: Uint8Array;
  readonly contentType?: string;
  readonly variant?: string;
  /** What the model said where it refused the request, without the values that were sent. */
  readonly refusal?: string;
}

/** Invokes an endpoint. The model's own refusal (ModelError) is an answer; everything else that goes wrong is a failure. */
export async function invoke(runtime: SageMakerRuntimeClient, invocation: Invocation): Promise<InvocationAnswer> {
  const { endpoint, body, contentType, accept } = invocation;
  return withFailures({ action: 'InvokeEndpoint', resource: `endpoint ${endpoint}` }, async () => {
    try {
      const command = new InvokeEndpointCommand({
        EndpointName: endpoint,
        Body: typeof body === 'string' ? Buffer.from(body) : body,
        ContentType: contentType,
        Accept: accept,
      });
      const { $metadata, Body, ContentType, InvokedProductionVariant } = await runtime.send(command);
      if (InvokedProductionVariant === undefined) {
        // Of a good answer SageMaker says which variant gave it: a page that something on the way gave instead is no model's word.
        throw fail(
          'ServiceUnavailable',
          `endpoint ${endpoint}: the answer names no production variant, so it is none of SageMaker's. It is tried again; if it lasts, check AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME and what lies between`,
        );
      }
      return {
        status: $metadata.httpStatusCode ?? 200,
        body: Body ?? new Uint8Array(),
        contentType: ContentType,
        variant: InvokedProductionVariant,
      };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      const refusal = withoutValues(error.OriginalMessage || error.message, body);
      return { status: error.OriginalStatusCode ?? 424, body: new Uint8Array(), refusal };
    }
  });
}

/** A model's words without anything that stood in the request: rows must not reach a history, and models like to quote them. */
export function withoutValues(words: string, body: string | Uint8Array): string {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  const sent = new Set(text.match(TOKENS) ?? []);
  const numbers = new Set([...sent].map(Number).filter((value) => !Number.isNaN(value)));
  const clean = words.replace(TOKENS, (token) => {
    const bare = token.replace(/[.:]+$/, '');
    return sent.has(token) || sent.has(bare) || numbers.has(Number(bare)) ? '…' : token;
  });
  return clean.length > LONGEST_WORDS ? `${clean.slice(0, LONGEST_WORDS)}…` : clean;
}

const TOKENS = /[^\s,;|'"`()[\]{}<>=]+/g;

/** Reads the rows from one exchange object, invokes, and writes the answer to another, encrypted with the definition's key. */
export async function invokeFromObject(
  { sagemakerRuntime, s3 }: { sagemakerRuntime: SageMakerRuntimeClient; s3: S3Client },
  {
    definition,
    endpoint,
    inputUri,
    outputUri,
    contentType,
    accept,
  }: Parameters<EndpointActivities['invokeEndpoint']>[0],
): ReturnType<EndpointActivities['invokeEndpoint']> {
  const input = parseS3Uri(inputUri);
  const body = await withFailures({ action: 'read', resource: inputUri, permission: 's3:GetObject' }, async () => {
    const object = await s3.send(new GetObjectCommand({ Bucket: input.bucket, Key: input.key }));
    return (await object.Body?.transformToByteArray()) ?? new Uint8Array();
  });
  if (body.length > LARGEST_BODY) {
    throw fail(
      'InvalidRequest',
      `Endpoint ${endpoint} takes at most ${LARGEST_BODY} bytes a request, and ${inputUri} has ${body.length}: send fewer rows at once`,
    );
  }
  const answer = await invoke(sagemakerRuntime, { endpoint, body, contentType, accept });
  if (answer.refusal !== undefined) {
    // A container that is starting or overloaded says 503; every other refusal is its verdict on the rows.
    const type = answer.status === 503 ? 'ServiceUnavailable' : 'InvalidRequest';
    throw fail(
      type,
      `Endpoint ${endpoint}: the model answered HTTP ${answer.status}: ${answer.refusal}. Correct the rows or their content type (${contentType})`,
    );
  }
  const output = parseS3Uri(outputUri);
  const key = definition.encryption.data ?? definition.encryption.key;
  const permission = key ? 's3:PutObject and kms:GenerateDataKey' : 's3:PutObject';
  await withFailures({ action: 'write', resource: outputUri, permission }, () =>
    s3.send(
      new PutObjectCommand({
        Bucket: output.bucket,
        Key: output.key,
        Body: answer.body,
        ContentType: answer.contentType ?? accept,
        ...(key && { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key }),
      }),
    ),
  );
  return { status: answer.status, bytes: answer.body.length, ...(answer.variant && { variant: answer.variant }) };
}
