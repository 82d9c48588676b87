import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError } from './context.js';

/** Larger than any control-plane request may be. */
const LARGEST_BODY = 4 * 1024 * 1024;
/** Deeper than any request is, and far from what recursion over it could not bear. */
const DEEPEST_BODY = 64;

/** The JSON object in a request's body; `{}` for an empty one. */
export async function readJson(req: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Read to its end whatever its size: an answer before that would leave the connection in the middle of a request.
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= LARGEST_BODY) chunks.push(chunk);
  }
  if (size > LARGEST_BODY) throw new ApiError('RequestEntityTooLarge', `the body is over ${LARGEST_BODY} bytes`, 413);
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError('SerializationException', 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ApiError('SerializationException', 'the body is not a JSON object');
  }
  if (isDeeperThan(DEEPEST_BODY, value)) {
    throw new ApiError('SerializationException', `the body is nested more than ${DEEPEST_BODY} levels deep`);
  }
  return value as Record<string, unknown>;
}

function isDeeperThan(levels: number, root: object): boolean {
  let layer: unknown[] = [root];
  for (let depth = 0; layer.length > 0; depth += 1) {
    if (depth > levels) return true;
    layer = layer.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

/** A part of a path; one whose percent escapes are malformed as it is, since it names nothing either way. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Answers as the AWS JSON 1.1 protocol does. */
export function sendJson(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'content-length': Buffer.byteLength(text),
    'x-amzn-requestid': randomUUID(),
  });
  res.end(text);
}

export function sendError(res: ServerResponse, error: ApiError): void {
  sendJson(res, error.httpStatus, { __type: error.code, message: error.message, ...error.extra });
}
