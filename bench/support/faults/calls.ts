import type { IncomingMessage } from 'node:http';

/** What a request is about, whatever its place in a sequence. */
export interface Sighting {
  /** SageMaker, SageMakerRuntime, S3, SSM, KMS, SQS, Slack or PostgreSQL. */
  readonly service: string;
  /** As its API names it; of PostgreSQL the statement's first word. */
  readonly operation: string;
  /** What it concerns; empty where the operation says it all. */
  readonly resource: string;
}

/** Names by which the JSON services call themselves in the header X-Amz-Target. */
const TARGETS: Readonly<Record<string, string>> = { AmazonSSM: 'SSM', TrentService: 'KMS', AmazonSQS: 'SQS' };

/** Members of a request's body that name its resource, the first that is there. */
const NAMING = [
  'TrainingJobName',
  'EndpointConfigName',
  'EndpointName',
  'ModelName',
  'ResourceArn',
  'Name',
  'KeyId',
  'NameContains',
] as const;

/** A call of S3, or of one of AWS's services that name it in X-Amz-Target. */
export function awsCall(request: IncomingMessage, body: Buffer): Sighting {
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    const [api = '', operation = ''] = target.split('.');
    return { service: TARGETS[api] ?? api, operation, resource: named(body) };
  }
  const invoked = /^\/endpoints\/([^/]+)\/invocations$/.exec(pathOf(request));
  if (invoked) return { service: 'SageMakerRuntime', operation: 'InvokeEndpoint', resource: invoked[1] ?? '' };
  return s3Call(request);
}

/** `/api/chat.postMessage` */
export function slackCall(request: IncomingMessage): Sighting {
  return { service: 'Slack', operation: pathOf(request).replace(/^\/api\//, ''), resource: '' };
}

/** A statement by its first word and the table or function it names. */
export function sqlCall(sql: string): Sighting {
  const words = /^\s*(\w+)(?:.*?\b(?:INTO|FROM|TABLE(?:\s+IF\s+NOT\s+EXISTS)?|pg_\w+)\b\s*(\w*))?/is.exec(sql);
  return { service: 'PostgreSQL', operation: (words?.[1] ?? 'empty').toUpperCase(), resource: words?.[2] ?? '' };
}

const url = (request: IncomingMessage) => new URL(request.url ?? '/', 'http://service');
const pathOf = (request: IncomingMessage) => url(request).pathname;

function named(body: Buffer): string {
  const members = JSON.parse(body.toString('utf8') || '{}') as Record<string, unknown>;
  const member = NAMING.find((name) => typeof members[name] === 'string');
  return member === undefined ? '' : (members[member] as string);
}

function s3Call(request: IncomingMessage): Sighting {
  const { pathname, searchParams } = url(request);
  const [, , ...key] = pathname.split('/').map(decodeURIComponent);
  const resource = key.join('/') || (searchParams.get('prefix') ?? '');
  return { service: 'S3', operation: s3Operation(request.method ?? 'GET', key.length > 0, searchParams), resource };
}

/** The SDK says it itself for most operations (`x-id`); for the others the method and the sub-resource do. */
function s3Operation(method: string, ofObject: boolean, query: URLSearchParams): string {
  const told = query.get('x-id');
  if (told !== null) return told;
  if (query.has('versions')) return 'ListObjectVersions';
  if (query.has('list-type')) return 'ListObjectsV2';
  const word = { GET: 'Get', PUT: 'Put', HEAD: 'Head', DELETE: 'Delete', POST: 'Post' }[method] ?? method;
  return `${word}${ofObject ? 'Object' : 'Bucket'}`;
}
