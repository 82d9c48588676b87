import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../context.js';
import { NAME_PATTERN } from '../validate.js';
import { cannedAnswer } from './canned.js';
import { BODY_LIMIT, forward, INVOCATION_TIMEOUT_MS, type Attempt, type Invocation } from './forward.js';
import {
  endpointNotFound,
  invalidName,
  InvokeError,
  modelError,
  notReady,
  processDied,
  requestTooLarge,
  sendInvokeError,
  variantNotFound,
} from './invoke-errors.js';
import type { ServedProcess } from './served-process.js';
import { weightedPick, type TrafficRouting } from './routing.js';

const NAME = new RegExp(`^(?:${NAME_PATTERN})$`);
/** How long a request waits for a healthy process, while fleets come up again after a restart or a crash. */
const READY_WAIT_MS = 20_000;
const READY_POLL_MS = 20;
/** How soon after its connection a program that dies is known to be dead. */
const DEATH_NEWS_MS = 100;

/** Request headers that the model's program gets to see. */
const PASSED_ON = [
  'content-type',
  'accept',
  'x-amzn-sagemaker-custom-attributes',
  'x-amzn-sagemaker-inference-id',
  'x-amzn-sagemaker-session-id',
] as const;
/** Headers of the program's answer that the client gets to see. */
const PASSED_BACK = [
  'content-type',
  'x-amzn-sagemaker-custom-attributes',
  'x-amzn-sagemaker-new-session-id',
  'x-amzn-sagemaker-closed-session-id',
] as const;

/** The routing of an endpoint that can take invocations, or undefined if there is none of that name. */
type FindRouting = (endpoint: string) => TrafficRouting | undefined;

interface Answer {
  readonly variant: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

/** Answers one InvokeEndpoint request. Whatever goes wrong is answered as SageMaker's runtime API would. */
export async function handleInvoke(
  ctx: Context,
  find: FindRouting,
  req: IncomingMessage,
  res: ServerResponse,
  endpoint: string,
): Promise<void> {
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  try {
    if (!NAME.test(endpoint)) throw invalidName(endpoint);
    if (!find(endpoint)) throw endpointNotFound(ctx.config, endpoint);
    const body = await readBody(req);
    const invocation = { headers: pick(req.headers, PASSED_ON), body, signal: gone.signal };
    const target = req.headers['x-amzn-sagemaker-target-variant'];
    const answer = await invoke(ctx, find, endpoint, invocation, typeof target === 'string' ? target : undefined);
    res.writeHead(200, {
      ...answer.headers,
      'x-amzn-invoked-production-variant': answer.variant,
      'x-amzn-requestid': randomUUID(),
      'content-length': Buffer.byteLength(answer.body),
    });
    res.end(answer.body);
  } catch (error) {
    // The client has gone, possibly in the middle of its request: nobody is left to answer.
    if (gone.signal.aborted || !(req.complete || error instanceof InvokeError)) return;
    if (!(error instanceof InvokeError)) ctx.log.error({ err: error, endpoint }, 'an invocation failed unexpectedly');
    sendInvokeError(res, error instanceof InvokeError ? error : new InvokeError('InternalFailure', String(error), 500));
  }
}

async function invoke(
  ctx: Context,
  find: FindRouting,
  endpoint: string,
  invocation: Invocation,
  target: string | undefined,
): Promise<Answer> {
  const deadline = Date.now() + READY_WAIT_MS;
  for (;;) {
    const routing = find(endpoint);
    if (!routing) throw endpointNotFound(ctx.config, endpoint);
    const share = routing.pick();
    const fleet = share?.fleet;
    const variants = fleet?.deployment.variants ?? [];
    const variant = target ?? weightedPick(variants, (each) => each.weight, Math.random())?.name;
    if (share && fleet && variant !== undefined) {
      if (!variants.some((each) => each.name === variant)) throw variantNotFound(variant);
      if (fleet.deployment.canned) {
        share.requests += 1;
        const body = cannedAnswer(invocation.headers['content-type'], invocation.body);
        return { variant, headers: { 'content-type': 'application/json' }, body };
      }
      const process = fleet.pick(variant);
      const url = process?.url;
      if (process && url !== undefined) {
        // No await between picking the fleet and this: a fleet that loses the traffic already counts the request.
        const release = process.lease();
        const attempt = await forward(process, url, invocation).finally(release);
        if (attempt.kind !== 'refused' && (attempt.kind !== 'stale' || (await diedWithIt(process, url)))) {
          share.requests += 1;
          return { variant, ...judge(ctx, endpoint, variant, process.logFile, attempt) };
        }
      }
    }
    if (Date.now() >= deadline) throw notReady(endpoint);
    await sleep(READY_POLL_MS, undefined, { signal: invocation.signal });
  }
}

/** Whether the program ended just now: then it had the request, which may be what ended it. */
async function diedWithIt(process: ServedProcess, url: string): Promise<boolean> {
  await sleep(DEATH_NEWS_MS);
  return process.url !== url;
}

/** The program's answer, if it is one that SageMaker passes on. Throws InvokeError otherwise. */
function judge(
  ctx: Context,
  endpoint: string,
  variant: string,
  logFile: string,
  attempt: Exclude<Attempt, { kind: 'refused' }>,
): Omit<Answer, 'variant'> {
  switch (attempt.kind) {
    case 'answered': {
      if (attempt.status >= 200 && attempt.status < 300) {
        return { headers: pick(attempt.headers, PASSED_BACK), body: attempt.body };
      }
      throw modelError(ctx.config, endpoint, attempt.status, attempt.body.toString('utf8'), logFile);
    }
    case 'timed-out':
      throw modelError(
        ctx.config,
        endpoint,
        0,
        `Your invocation timed out while waiting for a response from container primary: it takes longer than ${INVOCATION_TIMEOUT_MS / 1000} s`,
        logFile,
      );
    case 'too-large':
      throw modelError(ctx.config, endpoint, 0, `The model's response exceeded ${BODY_LIMIT} bytes`, logFile);
    case 'stale':
    case 'broken':
      throw processDied(endpoint, variant, logFile, attempt.error);
  }
}

/** Reads the request's body; one over the limit is refused while it is still coming in. */
async function readBody(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = Number(req.headers['content-length'] ?? 0);
  if (size <= BODY_LIMIT) {
    size = 0;
    // Not destroyed on leaving the loop: the answer still has to go out over this connection.
    for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > BODY_LIMIT) break;
      chunks.push(chunk);
    }
  }
  if (size > BODY_LIMIT) {
    req.resume();
    throw requestTooLarge();
  }
  return Buffer.concat(chunks);
}

function pick(headers: IncomingMessage['headers'], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
