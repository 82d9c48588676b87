import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { Definition } from '../contracts/definition/index.js';
import { exchangePrefix, parseS3Uri, s3Uri } from '../contracts/names.js';
import { CliError } from './errors.js';

// The SDK's note on versions of Node to come is none for the person at the terminal.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** Two objects, rows in and answer out, that live for one request; where nothing is put in, the answer alone. Temporal carries their URIs. */
export class Exchange {
  readonly inputUri: string;
  readonly outputUri: string;
  private hasInput = false;

  constructor(
    private readonly definition: Definition,
    private readonly s3: S3Client = new S3Client({}),
  ) {
    const base = `${exchangePrefix(definition.data.output)}${randomUUID()}`;
    this.inputUri = s3Uri(definition.data.bucket, `${base}/input`);
    this.outputUri = s3Uri(definition.data.bucket, `${base}/output`);
  }

  /** Writes the rows, encrypted with the model's key, or with the bucket's default where it names none. */
  async put(body: string, contentType: string): Promise<void> {
    this.hasInput = true;
    const { encryption } = this.definition;
    const key = encryption.data ?? encryption.key;
    await this.attempt('write', this.inputUri, async (Bucket, Key) => {
      await this.s3.send(
        new PutObjectCommand({
          Bucket,
          Key,
          Body: body,
          ContentType: contentType,
          ...(key ? { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key } : {}),
        }),
      );
    });
  }

  /** The answer, as it was given. */
  read(): Promise<string> {
    return this.attempt('read', this.outputUri, async (Bucket, Key) => {
      const { Body } = await this.s3.send(new GetObjectCommand({ Bucket, Key }));
      return (await Body?.transformToString()) ?? '';
    });
  }

  /** Deletes what may be there. What is not is no error: S3 answers alike. */
  async remove(): Promise<void> {
    for (const uri of [...(this.hasInput ? [this.inputUri] : []), this.outputUri]) {
      await this.attempt('delete', uri, async (Bucket, Key) => {
        await this.s3.send(new DeleteObjectCommand({ Bucket, Key })).catch((error: Error) => {
          if (error.name !== 'NoSuchBucket') throw error;
        });
      });
    }
    this.s3.destroy();
  }

  private async attempt<T>(verb: string, uri: string, work: (bucket: string, key: string) => Promise<T>): Promise<T> {
    const { bucket, key } = parseS3Uri(uri);
    try {
      return await work(bucket, key);
    } catch (error) {
      const { name, message } = error as Error;
      throw new CliError(
        `cannot ${verb} the exchange object ${uri} (${name}: ${message}). Your own AWS credentials need s3:PutObject, s3:GetObject and s3:DeleteObject on ${exchangePrefix(this.definition.data.output)}, and the use of its KMS key`,
        undefined,
        { cause: error },
      );
    }
  }
}

/**
 * Has the worker write an answer to an exchange object, reads it as JSON, and deletes it, whatever happens.
 * @param ask asks the question whose answer goes to the URI
 * @param warn is told where the object could not be deleted after something else had gone wrong
 */
export async function exchanged<T>(
  definition: Definition,
  ask: (outputUri: string) => Promise<unknown>,
  warn: (text: string) => void,
): Promise<T> {
  const exchange = new Exchange(definition);
  let text: string;
  try {
    await ask(exchange.outputUri);
    text = await exchange.read();
  } catch (error) {
    await exchange.remove().catch((left: Error) => warn(`warning: ${left.message}`));
    throw error;
  }
  await exchange.remove();
  return JSON.parse(text) as T;
}
