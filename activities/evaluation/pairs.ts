import type { S3Client } from '@aws-sdk/client-s3';
import { fail } from '../errors.js';
import { type AnswerForm, joinedRow, labelOf, type Prediction, predictionsIn } from './answers.js';
import { LineReader } from './lines.js';
import type { HoldoutFile } from './objects.js';

export interface Answered {
  readonly file: HoldoutFile;
  /** Where its answers lie. */
  readonly answers: { readonly bucket: string; readonly key: string };
  readonly form: AnswerForm;
  /** SageMaker model, for people. */
  readonly modelName: string;
}

/** Takes what is true of a row, what a model said, and the row itself. False ends the reading. */
type Sink = (actual: number, said: Prediction, row: string) => boolean;

const LOOK =
  'See the log of the transform job (CloudWatch Logs, group /aws/sagemaker/TransformJobs) and what the model answers to a batch of rows';

/**
 * Reads the rows of one object beside their predictions, in order, and never more than a chunk of either at once. DataInvalid names file and
 * line of a row whose label is no number, that has no prediction, or whose prediction can't be read, and of a prediction too many.
 */
export async function readPairs(s3: S3Client, answered: Answered, take: Sink, signal?: AbortSignal): Promise<void> {
  const { file, answers, modelName } = answered;
  const said = `the answers of ${modelName} to ${file.label}`;
  const rows = await LineReader.open(s3, file, signal);
  try {
    const lines = await LineReader.open(s3, { ...answers, label: said }, signal);
    try {
      await pair(rows, lines, answered, said, take);
    } finally {
      lines.close();
    }
  } finally {
    rows.close();
  }
}

async function pair(
  rows: LineReader,
  lines: LineReader,
  { file, form, modelName }: Answered,
  said: string,
  take: Sink,
): Promise<void> {
  const invalid = (where: string, line: number, what: string) => fail('DataInvalid', `${where}, line ${line}: ${what}`);
  /** Predictions of the line taken last that belong to the rows after this one. */
  let waiting: readonly Said[] = [];
  let next = 0;
  /** The next prediction among the lines at hand. */
  const atHand = (): Said | undefined => {
    while (next === waiting.length) {
      const line = lines.take();
      if (line === undefined) return undefined;
      const found = form === 'csv' ? joinedIn(line) : predictionsIn(line);
      if (!found)
        throw invalid(said, lines.number, `${WANTED[form]}. evaluation.answers says how the model answers; ${LOOK}`);
      waiting = found;
      next = 0;
    }
    return waiting[next++];
  };
  const prediction = async (): Promise<Said | undefined> => {
    for (;;) {
      const one = atHand();
      if (one || !(await lines.more())) return one;
    }
  };
  for (;;) {
    const row = rows.take();
    if (row === undefined) {
      if (await rows.more()) continue;
      if ((await prediction()) === undefined) return;
      throw invalid(said, lines.number, `a prediction too many, as ${file.label} has fewer rows. ${LOOK}`);
    }
    const actual = labelOf(row);
    if (actual === undefined) {
      const what =
        'the first field is no number, so there is no label to judge by. Correct the file, then start a new run';
      throw invalid(file.label, rows.number, what);
    }
    const one = atHand() ?? (await prediction());
    if (!one) throw invalid(file.label, rows.number, `${modelName} gave no prediction for this row. ${LOOK}`);
    // SageMaker repeats the label beside a CSV answer: another one means that the answers belong to other rows.
    if (one.joined !== undefined && one.joined !== actual) {
      const what = `the label is not that of line ${rows.number} of the file, so the answers are of other rows. ${LOOK}`;
      throw invalid(said, lines.number, what);
    }
    if (!take(actual, one, row)) return;
  }
}

const WANTED: Readonly<Record<AnswerForm, string>> = {
  csv: 'no label and one number after it',
  jsonlines: 'neither {"score": …} nor {"predictions": [{"score": …}]} in JSON',
};

interface Said extends Prediction {
  /** The label that stands beside it. */
  readonly joined?: number;
}

function joinedIn(line: string): Said[] | undefined {
  const row = joinedRow(line);
  return row && [{ value: row.value, joined: row.actual }];
}
