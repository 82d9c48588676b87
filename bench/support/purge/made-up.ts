import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { s3Uri } from '../../../contracts/names.js';
import { listen } from '../faults/listen.js';
import { escapeXml, namedIn, s3Call, xmlDocument, type S3Call } from './s3-call.js';

/** Entries of a page (S3 API reference). */
const PAGE = 1_000;
const PREFIX = 'data/part/2024/';
const WRITTEN = '2024-01-02T03:04:05.000Z';
const SIZE = 256;
const ETAG = '"0123456789abcdef0123456789abcdef"';

const BUCKET = 'made-up';
const TARGETS = '_perennial/targets/list.jsonl';

export interface MadeUp {
  readonly url: string;
  /** What leads a client of AWS to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly bucket: string;
  /** A list of targets that names the prefix of all entries. */
  readonly targetsUri: string;
  /** Entries that have not been deleted. */
  readonly left: number;
  close(): Promise<void>;
}

/**
 * An S3 server on loopback with one versioned bucket of so many entries, each the only version of its key, that are in no memory: a page is
 * computed, and of each entry one byte says whether it was deleted. Objects that are put there are kept beside them.
 */
export async function startMadeUp(entries: number): Promise<MadeUp> {
  const server = new MadeUpServer(entries);
  const http = createServer((request, response) => {
    server.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const { address, close } = await listen(http, () => http.closeAllConnections());
  const url = `http://${address}`;
  return {
    url,
    env: {
      AWS_ENDPOINT_URL: url,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    bucket: BUCKET,
    targetsUri: s3Uri(BUCKET, TARGETS),
    get left() {
      return server.left;
    },
    close,
  };
}

class MadeUpServer {
  readonly #gone: Uint8Array;
  readonly #objects = new Map<string, Buffer>();
  left: number;

  constructor(private readonly entries: number) {
    this.#gone = new Uint8Array(entries);
    this.#objects.set(TARGETS, Buffer.from(`${JSON.stringify({ bucket: BUCKET, prefix: PREFIX })}\n`));
    this.left = entries;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status = 200, body = '', headers = {} } = this.#answer(s3Call(request, await buffer(request)));
    response.writeHead(status, {
      'x-amz-request-id': 'made-up',
      'content-length': Buffer.byteLength(body),
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #answer(call: S3Call): { status?: number; body?: string | Buffer; headers?: Record<string, string> } {
    switch (call.operation) {
      case 'ListObjectVersions':
        return { body: this.#list(call.query) };
      case 'DeleteObjects':
        for (const { key } of namedIn(call.body)) this.#delete(key);
        return { body: xmlDocument('DeleteResult', '') };
      case 'GetBucketVersioning':
        return { body: xmlDocument('VersioningConfiguration', '<Status>Enabled</Status>') };
      case 'GetObjectLockConfiguration':
        return error(404, 'ObjectLockConfigurationNotFoundError');
      case 'ListMultipartUploads':
        return {
          body: xmlDocument(
            'ListMultipartUploadsResult',
            `<Bucket>${call.bucket}</Bucket><IsTruncated>false</IsTruncated>`,
          ),
        };
      case 'PutObject':
        this.#objects.set(call.key, call.body);
        return { headers: { etag: ETAG } };
      case 'GetObject': {
        const body = this.#objects.get(call.key);
        return body ? { body, headers: { etag: ETAG } } : error(404, 'NoSuchKey');
      }
      default:
        return error(501, 'NotImplemented', `This server has no ${call.operation}.`);
    }
  }

  /** `key-marker` is the last key of the page before; what is deleted comes no more. */
  #list(query: URLSearchParams): string {
    if (query.get('prefix') !== PREFIX) return page([], false);
    const marker = query.get('key-marker');
    const found: number[] = [];
    let at = marker ? indexOf(marker) + 1 : 0;
    for (; at < this.entries && found.length < PAGE; at += 1) if (!this.#gone[at]) found.push(at);
    while (at < this.entries && this.#gone[at]) at += 1;
    return page(found, at < this.entries);
  }

  #delete(key: string): void {
    const index = indexOf(key);
    if (this.#gone[index] !== 0) return;
    this.#gone[index] = 1;
    this.left -= 1;
  }
}

const keyOf = (index: number) => `${PREFIX}events-${String(index).padStart(9, '0')}.csv`;
const indexOf = (key: string) => Number(/(\d{9})\.csv$/.exec(key)?.[1] ?? -1);
const versionOf = (index: number) => `v${String(index).padStart(31, '0')}`;

function page(indexes: readonly number[], truncated: boolean): string {
  const last = indexes.at(-1);
  const next =
    truncated && last !== undefined
      ? `<NextKeyMarker>${escapeXml(keyOf(last))}</NextKeyMarker><NextVersionIdMarker>${versionOf(last)}</NextVersionIdMarker>`
      : '';
  const versions = indexes.map(
    (index) =>
      `<Version><Key>${keyOf(index)}</Key><VersionId>${versionOf(index)}</VersionId><IsLatest>true</IsLatest><LastModified>${WRITTEN}</LastModified><ETag>${escapeXml(ETAG)}</ETag><Size>${SIZE}</Size><StorageClass>STANDARD</StorageClass></Version>`,
  );
  return xmlDocument(
    'ListVersionsResult',
    `<Name>${BUCKET}</Name><Prefix>${PREFIX}</Prefix><MaxKeys>${PAGE}</MaxKeys><EncodingType>url</EncodingType><IsTruncated>${truncated}</IsTruncated>${next}${versions.join('')}`,
  );
}

function error(status: number, code: string, message = code) {
  return { status, body: xmlDocument('Error', `<Code>${code}</Code><Message>${message}</Message>`) };
}
