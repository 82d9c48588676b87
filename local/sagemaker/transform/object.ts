import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Context } from '../context.js';
import type { InputFile } from '../inputs.js';
import { joinS3, parseS3, readStream, upload } from '../s3.js';
import { batchesOf } from './batches.js';
import { callModel, type ExecutionParameters } from './model-client.js';
import { processingOf } from './processing.js';
import type { TransformRequest } from './types.js';

/**
 * Sends one object through the model and uploads the answers, in the order of the records, as `<input>.out` under
 * S3OutputPath. `file` is where the output is gathered first. Throws without uploading if any record fails.
 */
export async function transformObject(
  ctx: Context,
  request: TransformRequest,
  input: InputFile,
  model: { readonly url: string; readonly parameters: ExecutionParameters },
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const { parameters } = model;
  const processing = processingOf(request);
  const batches = batchesOf(await open(ctx, request, input, signal), {
    unit: processing.unit,
    strategy: processing.all ? 'All' : parameters.strategy,
    maxBytes: parameters.maxPayloadBytes,
    filter: processing.filter,
  });
  const answers = inOrder(batches, parameters.maxConcurrent, async (batch) =>
    processing.assemble(batch, await callModel(model.url, request, batch.body, signal)),
  );
  await mkdir(dirname(file), { recursive: true });
  try {
    await pipeline(Readable.from(answers), createWriteStream(file), { signal });
    const { S3OutputPath, KmsKeyId } = request.TransformOutput ?? {};
    const target = parseS3(joinS3(String(S3OutputPath), `${input.path}.out`));
    await upload(ctx.s3, target, createReadStream(file), KmsKeyId, signal);
  } finally {
    await rm(file, { force: true });
  }
}

async function open(
  ctx: Context,
  request: TransformRequest,
  input: InputFile,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const stream = await readStream(ctx.s3, input.object, signal);
  return request.TransformInput?.CompressionType === 'Gzip' ? stream.pipe(createGunzip()) : stream;
}

/** Works on at most `limit` items at once and yields the results in the items' order. */
async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const waiting: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = work(item);
      // Its failure is thrown when its turn comes; until then it counts as handled.
      result.catch(() => undefined);
      waiting.push(result);
      if (waiting.length >= limit) yield (await waiting.shift()) as R;
    }
    while (waiting.length > 0) yield (await waiting.shift()) as R;
  } finally {
    // What is still under way counts among the requests at once, until it is through.
    await Promise.allSettled(waiting);
  }
}
