import type { Batch, BatchPlan } from './batches.js';
import { ObjectFailure } from './failure.js';
import { formatOf, mediaType } from './formats.js';
import type { Answer } from './model-client.js';
import type { TransformRequest } from './types.js';

const LINE_END = Buffer.from('\n');
const JSON_TYPES: ReadonlySet<string | undefined> = new Set(['application/json', 'application/jsonlines']);

/** What DataProcessing, SplitType and AssembleWith do to the records on their way to the model and back. */
export interface Processing {
  readonly unit: BatchPlan['unit'];
  /** All records of an object go at once. */
  readonly all: boolean;
  readonly filter: BatchPlan['filter'];
  /** What an answer becomes in the output. Throws ObjectFailure if it does not fit its records. */
  assemble(batch: Batch, answer: Answer): Buffer;
}

/** The processing that a checked request asks for. */
export function processingOf(request: TransformRequest): Processing {
  const { JoinSource, InputFilter, OutputFilter } = request.DataProcessing ?? {};
  const { ContentType, SplitType = 'None' } = request.TransformInput ?? {};
  const lineEnds = request.TransformOutput?.AssembleWith === 'Line';
  const joins = JoinSource === 'Input';
  const format = joins || isFilter(InputFilter) || isFilter(OutputFilter) ? formatOf(ContentType) : undefined;
  const asItIs: Processing['assemble'] = (_, { body }) =>
    lineEnds && !body.subarray(-1).equals(LINE_END) ? Buffer.concat([body, LINE_END]) : body;
  if (!format) {
    return {
      unit: SplitType === 'Line' ? 'line' : 'bytes',
      all: false,
      filter: (record) => record,
      assemble: asItIs,
    };
  }
  const whole = SplitType !== 'Line' && mediaType(ContentType) === 'application/json';
  const filtering = (path: string | undefined): ((record: string) => string) => {
    if (!isFilter(path)) return (record) => record;
    const parsed = format.path(path);
    return (record) => clientError(() => format.filter(record, parsed));
  };
  const output = filtering(OutputFilter);
  const back = (record: string, answer: string): string =>
    output(joins ? clientError(() => format.join(record, answer)) : answer);
  return {
    unit: whole ? 'object' : 'line',
    all: SplitType !== 'Line',
    filter: filtering(InputFilter),
    assemble(batch, answer) {
      if (!joins && !isFilter(OutputFilter)) return asItIs(batch, answer);
      const answers = whole ? [answer.body.toString('utf8')] : answersIn(answer, batch, ContentType);
      const records = answers.map((text, index) => back(batch.records[index] as string, text));
      const ends = lineEnds || mediaType(ContentType) === 'application/jsonlines';
      return Buffer.from(records.join('\n') + (ends ? '\n' : ''));
    },
  };
}

/** `$` and an empty path select all. */
export function isFilter(path: string | undefined): path is string {
  return path !== undefined && path.trim() !== '' && path.trim() !== '$';
}

/** One answer a record. */
function answersIn({ body, type }: Answer, { records }: Batch, contentType: string | undefined): string[] {
  // Where Accept says nothing, a model answers in a form of its own.
  if (JSON_TYPES.has(mediaType(type)) !== JSON_TYPES.has(mediaType(contentType)) && JSON_TYPES.has(mediaType(type))) {
    throw new ObjectFailure(
      'ClientError',
      `the model answers ${type}, which can't be joined to records of ${contentType}: set Accept to ${contentType}`,
    );
  }
  const answers = body
    .toString('utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  if (answers.length === records.length) return answers;
  throw new ObjectFailure(
    'AlgorithmError',
    `the model gave ${answers.length} answers for ${records.length} records: they can't be told apart`,
  );
}

function clientError<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new ObjectFailure('ClientError', (cause as Error).message, { cause });
  }
}
