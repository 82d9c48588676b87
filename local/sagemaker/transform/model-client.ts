import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectFailure } from './failure.js';
import type { TransformRequest } from './types.js';

/** AWS's defaults where neither the request nor the model says anything. */
const DEFAULT_PAYLOAD_MB = 6;
const DEFAULT_CONCURRENCY = 1;
const DEFAULT_TIMEOUT_S = 600;
const DEFAULT_RETRIES = 3;
const RETRY_AFTER_MS = 100;

/** How a job's records are sent: the request beats the program's /execution-parameters, which beat the defaults. */
export interface ExecutionParameters {
  readonly maxConcurrent: number;
  /** 0: no limit. */
  readonly maxPayloadBytes: number;
  readonly strategy: 'MultiRecord' | 'SingleRecord';
}

/** Asks the program for its parameters; one that has none answers an error, and the defaults hold. */
export async function executionParameters(url: string, request: TransformRequest): Promise<ExecutionParameters> {
  const own = await fetch(`${url}/execution-parameters`)
    .then(async (answer): Promise<unknown> => (answer.ok ? await answer.json() : {}))
    .catch(() => ({}));
  const said = (typeof own === 'object' && own !== null ? own : {}) as Record<string, unknown>;
  const number = (name: string): number | undefined => (typeof said[name] === 'number' ? said[name] : undefined);
  const payload = request.MaxPayloadInMB ?? number('MaxPayloadInMB') ?? DEFAULT_PAYLOAD_MB;
  // The API says `SingleRecord`, a program `SINGLE_RECORD`.
  const strategy = request.BatchStrategy ?? String(said['BatchStrategy']).replaceAll('_', '');
  return {
    maxConcurrent: request.MaxConcurrentTransforms || number('MaxConcurrentTransforms') || DEFAULT_CONCURRENCY,
    maxPayloadBytes: payload * 1024 * 1024,
    strategy: strategy.toLowerCase() === 'singlerecord' ? 'SingleRecord' : 'MultiRecord',
  };
}

/** What a model answered, and the content type it gave. */
export interface Answer {
  readonly body: Buffer;
  readonly type?: string;
}

/**
 * Sends one body to the model and returns its answer. Retries server errors as ModelClientConfig says; throws
 * ObjectFailure in the end.
 */
export async function callModel(
  url: string,
  request: TransformRequest,
  body: Buffer,
  signal: AbortSignal,
): Promise<Answer> {
  const { InvocationsTimeoutInSeconds, InvocationsMaxRetries } = request.ModelClientConfig ?? {};
  const timeoutMs = (InvocationsTimeoutInSeconds ?? DEFAULT_TIMEOUT_S) * 1000;
  const headers: Record<string, string> = {};
  if (request.TransformInput?.ContentType) headers['content-type'] = request.TransformInput.ContentType;
  if (request.TransformOutput?.Accept) headers['accept'] = request.TransformOutput.Accept;

  for (let left = InvocationsMaxRetries ?? DEFAULT_RETRIES; ; left--) {
    const answer = await attempt(`${url}/invocations`, headers, body, timeoutMs, signal);
    if ('body' in answer) return answer;
    if (!answer.retry || left === 0)
      throw new ObjectFailure(answer.retry ? 'AlgorithmError' : 'ClientError', answer.problem);
    await sleep(RETRY_AFTER_MS, undefined, { signal });
  }
}

async function attempt(
  url: string,
  headers: Record<string, string>,
  body: Buffer,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Answer | { problem: string; retry: boolean }> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body), signal: limit });
    const content = Buffer.from(await answer.arrayBuffer());
    const type = answer.headers.get('content-type');
    if (answer.ok) return { body: content, ...(type !== null && { type }) };
    const problem = `Bad HTTP status received from algorithm: ${answer.status}: ${content.toString().slice(0, 300)}`;
    return { problem, retry: answer.status >= 500 };
  } catch (error) {
    signal.throwIfAborted();
    return { problem: `Unable to get response from algorithm: ${(error as Error).message}`, retry: true };
  }
}
