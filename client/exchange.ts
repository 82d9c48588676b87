import { randomUUID } from 'node:crypto';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  NotFound,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Definition } from '../contracts/definition/index.js';
import { exchangePrefix, parseS3Uri, s3Uri } from '../contracts/names.js';
import { RECORDS_PREFIX, type Storage } from '../contracts/storage/index.js';
import { CliError } from './errors.js';
import { untilInterrupted } from './interrupt.js';
import type { Terminal } from './terminal.js';

// The SDK's note on versions of Node to come is none for the person at the terminal.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** Where exchange objects go, and the KMS key that they are encrypted with; without one, the bucket's default encryption. */
export interface ExchangePlace {
  readonly bucket: string;
  /** Ends in `/`. */
  readonly prefix: string;
  readonly kmsKey?: string | undefined;
}

/** Where the exchange objects about a model go. */
export const placeOf = ({ data, encryption }: Definition): ExchangePlace => ({
  bucket: data.bucket,
  prefix: exchangePrefix(data.output),
  kmsKey: encryption.data ?? encryption.key,
});

/** Where those go that belong to no model. */
export const recordsPlace = ({ bucket, key }: Storage['records']): ExchangePlace => ({
  bucket,
  prefix: exchangePrefix(RECORDS_PREFIX),
  kmsKey: key,
});

/** Objects that live for one request: what is put in, and the answers to it. Temporal carries their URIs. */
export class Exchange {
  readonly inputUri: string;
  readonly outputUri: string;
  private readonly base: string;
  private readonly used = new Set<string>();

  constructor(
    private readonly place: ExchangePlace,
    private readonly s3: S3Client = new S3Client({}),
  ) {
    this.base = s3Uri(place.bucket, `${place.prefix}${randomUUID()}`);
    this.inputUri = `${this.base}/input`;
    this.outputUri = this.output('output');
  }

  /** URI of one more answer. */
  output(name: string): string {
    const uri = `${this.base}/${name}`;
    this.used.add(uri);
    return uri;
  }

  /** Writes what goes in, encrypted with the place's key. */
  async put(body: string, contentType: string): Promise<void> {
    this.used.add(this.inputUri);
    const { kmsKey } = this.place;
    await this.attempt('write', this.inputUri, async (Bucket, Key) => {
      await this.s3.send(
        new PutObjectCommand({
          Bucket,
          Key,
          Body: body,
          ContentType: contentType,
          ...(kmsKey ? { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: kmsKey } : {}),
        }),
      );
    });
  }

  /** An answer, as it was given. */
  read(uri = this.outputUri): Promise<string> {
    return this.attempt('read', uri, async (Bucket, Key) => {
      const { Body } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
      return (await Body?.transformToString()) ?? '';
    });
  }

  /** Deletes what may be there; in a bucket with versions the version itself. What is not there is no error. */
  async remove(): Promise<void> {
    for (const uri of this.used) {
      await this.attempt('delete', uri, (Bucket, Key) => removeObject(this.s3, Bucket, Key));
    }
    this.s3.destroy();
  }

  private async attempt<T>(verb: string, uri: string, work: (bucket: string, key: string) => Promise<T>): Promise<T> {
    const { bucket, key } = parseS3Uri(uri);
    try {
      return await work(bucket, key);
    } catch (error) {
      const { name, message } = error as Error;
      // No right mends that: it is the name that is wrong.
      if (name === 'NoSuchBucket')
        throw new CliError(`cannot ${verb} the exchange object ${uri}: there is no bucket ${bucket}`, undefined, {
          cause: error,
        });
      throw new CliError(
        `cannot ${verb} the exchange object ${uri} (${name}: ${message}). Your own AWS credentials need s3:PutObject, s3:GetObject and s3:DeleteObject (where the bucket keeps versions, s3:DeleteObjectVersion too) on ${this.place.prefix}, and the use of its KMS key`,
        undefined,
        { cause: error },
      );
    }
  }
}

/**
 * Lends an exchange, whose objects are deleted after, whatever happens: an interrupt, too, which `use` gets as a signal.
 * @throws Interrupted
 */
export async function withExchange<T>(
  terminal: Terminal,
  place: ExchangePlace,
  use: (exchange: Exchange, interrupt: AbortSignal) => Promise<T>,
): Promise<T> {
  return untilInterrupted(terminal, async (interrupt) => {
    const exchange = new Exchange(place);
    let answer: T;
    try {
      answer = await use(exchange, interrupt);
    } catch (error) {
      // What went wrong first is what to tell; that something may lie there still is worth a word beside it.
      await exchange.remove().catch((left: Error) => terminal.err(`warning: ${left.message}\n`));
      throw error;
    }
    await exchange.remove();
    return answer;
  });
}

/** Deletes the current version of an object for good, or the object where the bucket keeps no versions. */
export async function removeObject(s3: S3Client, Bucket: string, Key: string): Promise<void> {
  try {
    const { VersionId } = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
  }
}
