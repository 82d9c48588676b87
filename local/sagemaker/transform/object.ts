import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Context } from '../context.js';
import type { InputFile } from '../inputs.js';
import { joinS3, parseS3, readStream, upload } from '../s3.js';
import { batchesOf, type Batch } from './batches.js';
import { fieldsOf, lineOf, parseFilter } from './filter.js';
import { callModel, type ExecutionParameters } from './model-client.js';
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
  const inputFilter = filterLine(request.DataProcessing?.InputFilter);
  const batches = batchesOf(await open(ctx, request, input, signal), {
    split: request.TransformInput?.SplitType === 'Line',
    strategy: model.parameters.strategy,
    maxBytes: model.parameters.maxPayloadBytes,
    filter: inputFilter,
  });
  const assemble = assembler(request);
  const answers = inOrder(batches, model.parameters.maxConcurrent, async (batch) =>
    assemble(batch, await callModel(model.url, request, batch.body, signal)),
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

/** What an answer becomes in the output: joined and filtered by line, and ended by a line end where asked. */
function assembler(request: TransformRequest): (batch: Batch, answer: Buffer) => Buffer {
  const { JoinSource, OutputFilter } = request.DataProcessing ?? {};
  const joins = JoinSource === 'Input';
  const lineEnds = request.TransformOutput?.AssembleWith === 'Line';
  if (!joins && OutputFilter === undefined) {
    return (_, answer) =>
      lineEnds && !answer.subarray(-1).equals(LINE_END) ? Buffer.concat([answer, LINE_END]) : answer;
  }
  const filter = parseFilter(OutputFilter ?? '$');
  return ({ lines }, answer) => {
    const answers = answer
      .toString('utf8')
      .replace(/\r?\n$/, '')
      .split(/\r?\n/);
    if (answers.length !== lines.length) {
      throw new Error(`the model gave ${answers.length} answers for ${lines.length} records: they can't be told apart`);
    }
    const records = answers.map((text, index) =>
      lineOf(filter([...(joins ? fieldsOf(lines[index] as string) : []), ...fieldsOf(text)])),
    );
    return Buffer.from(records.join('\n') + (lineEnds ? '\n' : ''));
  };
}

const LINE_END = Buffer.from('\n');

function filterLine(path: string | undefined): (line: string) => string {
  if (path === undefined || path === '$') return (line) => line;
  const filter = parseFilter(path);
  return (line) => lineOf(filter(fieldsOf(line)));
}

/** Works on at most `limit` items at once and yields the results in the items' order. */
async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const waiting: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    // Its failure is thrown when its turn comes; until then it counts as handled.
    result.catch(() => undefined);
    waiting.push(result);
    if (waiting.length >= limit) yield (await waiting.shift()) as R;
  }
  for (const result of waiting) yield await result;
}
