import type { IncomingMessage } from 'node:http';

/** A request to S3 by its operation, path-style. */
export interface S3Call {
  /** As the S3 API names it. */
  readonly operation: string;
  readonly bucket: string;
  /** Decoded; empty for a call about a bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

/** Sub-resources of a bucket or object, by the query parameter that names them, with what reading them is called. */
const READS: Readonly<Record<string, string>> = {
  versions: 'ListObjectVersions',
  uploads: 'ListMultipartUploads',
  versioning: 'GetBucketVersioning',
  'object-lock': 'GetObjectLockConfiguration',
  retention: 'GetObjectRetention',
  'legal-hold': 'GetObjectLegalHold',
  'list-type': 'ListObjectsV2',
};

const VERBS: Readonly<Record<string, string>> = { GET: 'Get', PUT: 'Put', HEAD: 'Head', DELETE: 'Delete' };

export function s3Call(request: IncomingMessage, body: Buffer): S3Call {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://s3');
  const [, bucket = '', ...segments] = pathname.split('/').map(decodeURIComponent);
  const key = segments.join('/');
  return { operation: operationOf(request.method ?? 'GET', key, query), bucket, key, query, body };
}

function operationOf(method: string, key: string, query: URLSearchParams): string {
  if (method === 'POST' && query.has('delete')) return 'DeleteObjects';
  if (method === 'POST' && query.has('uploads')) return 'CreateMultipartUpload';
  if (method === 'POST' && query.has('uploadId')) return 'CompleteMultipartUpload';
  if (method === 'PUT' && query.has('uploadId')) return 'UploadPart';
  if (method === 'DELETE' && query.has('uploadId')) return 'AbortMultipartUpload';
  const read = Object.keys(READS).find((name) => query.has(name));
  if (method === 'GET' && read !== undefined) return READS[read] ?? read;
  return `${VERBS[method] ?? method}${key === '' ? 'Bucket' : 'Object'}`;
}

/** An entry of a DeleteObjects request, with the XML that names it. */
export interface Named {
  readonly xml: string;
  readonly key: string;
  readonly versionId?: string;
}

/** The entries of a DeleteObjects request, in their order. */
export function namedIn(body: Buffer): Named[] {
  return [...body.toString('utf8').matchAll(/<Object>(.*?)<\/Object>/gs)].map(([xml, inner = '']) => {
    const versionId = /<VersionId>(.*?)<\/VersionId>/s.exec(inner)?.[1];
    return {
      xml,
      key: unescapeXml(/<Key>(.*?)<\/Key>/s.exec(inner)?.[1] ?? ''),
      ...(versionId !== undefined && { versionId: unescapeXml(versionId) }),
    };
  });
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

const unescapeXml = (text: string) =>
  text.replaceAll(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name ?? ''] ?? whole;
  });

export const escapeXml = (text: string) =>
  text.replaceAll(/[&<>"]/g, (char) => `&${{ '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' }[char] ?? ''};`);

export const xmlDocument = (root: string, inner: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<${root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${root}>`;
