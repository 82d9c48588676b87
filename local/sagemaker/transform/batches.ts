import { buffer, text } from 'node:stream/consumers';
import { tooMuchData } from './failure.js';

/** Records that go to the model in one request. */
export interface Batch {
  readonly body: Buffer;
  /** The records as they were read, before any filter; none where nobody looks at them. */
  readonly records: readonly string[];
}

export interface BatchPlan {
  /** Records are lines, the object is one record, or (`bytes`) it goes as it is. */
  readonly unit: 'line' | 'object' | 'bytes';
  /** `All` puts a whole object's records into one request, as SplitType None does. */
  readonly strategy: 'MultiRecord' | 'SingleRecord' | 'All';
  /** Bytes of a request's body at most; 0 for no limit. */
  readonly maxBytes: number;
  /** What is sent of a record. */
  readonly filter: (record: string) => string;
}

/**
 * Cuts one object into the requests that SplitType and BatchStrategy ask for. Throws ObjectFailure if one record (the
 * whole object where it is not split) is over the limit.
 */
export async function* batchesOf(content: AsyncIterable<Buffer>, plan: BatchPlan): AsyncGenerator<Batch> {
  if (plan.unit === 'line') return yield* linesInBatches(content, plan);
  const whole = withinLimit(content, plan);
  if (plan.unit === 'bytes') return yield { body: await buffer(whole), records: [] };
  const record = await text(whole);
  yield { body: Buffer.from(plan.filter(record)), records: [record] };
}

async function* linesInBatches(content: AsyncIterable<Buffer>, plan: BatchPlan): AsyncGenerator<Batch> {
  let records: string[] = [];
  let parts: string[] = [];
  let size = 0;
  for await (const line of linesOf(content)) {
    const part = plan.filter(line) + '\n';
    const bytes = Buffer.byteLength(part);
    assertFits(
      plan.strategy === 'All' ? size + bytes : bytes,
      plan,
      plan.strategy === 'All' ? 'the object' : 'a record',
    );
    const full = plan.strategy === 'SingleRecord' || (plan.maxBytes > 0 && size + bytes > plan.maxBytes);
    if (full && records.length > 0) {
      yield { body: Buffer.from(parts.join('')), records };
      [records, parts, size] = [[], [], 0];
    }
    records.push(line);
    parts.push(part);
    size += bytes;
  }
  if (records.length > 0) yield { body: Buffer.from(parts.join('')), records };
}

/** Lines without their ends. A line end at the end of the object starts no record. */
async function* linesOf(content: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of content) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest.replace(/\r$/, '');
}

async function* withinLimit(content: AsyncIterable<Buffer>, plan: BatchPlan): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    assertFits(size, plan, 'the object');
    yield chunk;
  }
}

function assertFits(bytes: number, { maxBytes }: BatchPlan, what: string): void {
  if (maxBytes > 0 && bytes > maxBytes) throw tooMuchData(what, maxBytes);
}
