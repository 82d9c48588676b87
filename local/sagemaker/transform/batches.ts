/** Records that go to the model in one request. */
export interface Batch {
  readonly body: Buffer;
  /** The lines as they were read, before any filter; none where the object is not split. */
  readonly lines: readonly string[];
}

export interface BatchPlan {
  readonly split: boolean;
  readonly strategy: 'MultiRecord' | 'SingleRecord';
  /** Bytes of a request's body at most; 0 for no limit. */
  readonly maxBytes: number;
  /** What is sent of a line. */
  readonly filter: (line: string) => string;
}

/**
 * Cuts one object into the requests that SplitType and BatchStrategy ask for. Throws if one record (the whole object
 * where it is not split) is over the limit.
 */
export async function* batchesOf(content: AsyncIterable<Buffer>, plan: BatchPlan): AsyncGenerator<Batch> {
  if (!plan.split) {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of content) {
      size += chunk.length;
      assertFits(size, plan, 'the object');
      chunks.push(chunk);
    }
    yield { body: Buffer.concat(chunks), lines: [] };
    return;
  }
  let lines: string[] = [];
  let parts: string[] = [];
  let size = 0;
  for await (const line of linesOf(content)) {
    const part = plan.filter(line) + '\n';
    const bytes = Buffer.byteLength(part);
    assertFits(bytes, plan, 'a record');
    const full = plan.strategy === 'SingleRecord' || (plan.maxBytes > 0 && size + bytes > plan.maxBytes);
    if (full && lines.length > 0) {
      yield { body: Buffer.from(parts.join('')), lines };
      [lines, parts, size] = [[], [], 0];
    }
    lines.push(line);
    parts.push(part);
    size += bytes;
  }
  if (lines.length > 0) yield { body: Buffer.from(parts.join('')), lines };
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

function assertFits(bytes: number, plan: BatchPlan, what: string): void {
  if (plan.maxBytes === 0 || bytes <= plan.maxBytes) return;
  throw new Error(`${what} is over MaxPayloadInMB (${plan.maxBytes} bytes): raise it, or split the input by Line`);
}
