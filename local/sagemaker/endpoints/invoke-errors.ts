import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { SageMakerConfig } from '../context.js';
import { NAME_PATTERN } from '../validate.js';
import { BODY_LIMIT } from './forward.js';

/** OriginalMessage is cut to this many characters. */
const MESSAGE_LIMIT = 1024;

/** An error of the runtime API: the client sees `code` as the exception's name. */
export class InvokeError extends Error {
  override readonly name = 'InvokeError';
  constructor(
    readonly code: 'ValidationError' | 'ModelError' | 'ServiceUnavailable' | 'InternalFailure',
    message: string,
    readonly httpStatus: number,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** A name that no endpoint can have; a malformed percent escape in the path is one as well. */
export function invalidName(endpoint: string): InvokeError {
  return new InvokeError(
    'ValidationError',
    `1 validation error detected: Value '${endpoint}' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: ${NAME_PATTERN}`,
    400,
  );
}

/** What SageMaker says of an endpoint that does not exist, or never came into service. */
export function endpointNotFound(config: SageMakerConfig, endpoint: string): InvokeError {
  return new InvokeError('ValidationError', `Endpoint ${endpoint} of account ${config.accountId} not found.`, 400);
}

export function variantNotFound(variant: string): InvokeError {
  return new InvokeError('ValidationError', `Variant ${variant} not found for Request`, 400);
}

export function requestTooLarge(): InvokeError {
  return new InvokeError('ValidationError', `HTTP content length exceeded ${BODY_LIMIT} bytes.`, 413);
}

/** No healthy process to answer: SDKs try again on this one. */
export function notReady(endpoint: string): InvokeError {
  return new InvokeError(
    'ServiceUnavailable',
    `Endpoint ${endpoint} has no healthy process at the moment; they are being started again. Try again shortly, and see its logs if it lasts.`,
    503,
  );
}

/** The program died while it had the request. */
export function processDied(endpoint: string, variant: string, logFile: string, cause: Error): InvokeError {
  return new InvokeError(
    'ServiceUnavailable',
    `The process that served variant ${variant} of endpoint ${endpoint} broke off its answer (${cause.message}). See ${logFile}.`,
    503,
  );
}

/** HTTP 424, as SageMaker reports an answer of the model that is no success; `status` 0 means no answer at all. */
export function modelError(
  config: SageMakerConfig,
  endpoint: string,
  status: number,
  message: string,
  logFile: string,
): InvokeError {
  const original = message.slice(0, MESSAGE_LIMIT);
  const side = status >= 400 && status < 500 ? 'client' : 'server';
  return new InvokeError(
    'ModelError',
    `Received ${side} error (${status}) from primary with message "${original}". See ${logFile} for more information.`,
    424,
    {
      ErrorCode: side === 'client' ? 'CLIENT_ERROR_FROM_MODEL' : 'SERVER_ERROR_FROM_MODEL',
      OriginalStatusCode: status,
      OriginalMessage: original,
      LogStreamArn: `arn:aws:logs:${config.region}:${config.accountId}:log-group:/aws/sagemaker/Endpoints/${endpoint}`,
    },
  );
}

/** Writes an error the way the runtime API does (REST JSON, the code in a header). */
export function sendInvokeError(res: ServerResponse, error: InvokeError): void {
  const body = JSON.stringify({ Message: error.message, ...error.extra });
  res.writeHead(error.httpStatus, {
    'content-type': 'application/json',
    'x-amzn-errortype': error.code,
    'x-amzn-requestid': randomUUID(),
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}
