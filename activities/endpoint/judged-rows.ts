import type { S3Client } from '@aws-sdk/client-s3';
import type { RunRef } from '../../contracts/activities.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Holdout } from '../../contracts/evaluation.js';
import { deploymentName, fileRecordKey, s3Uri, transformJobName } from '../../contracts/names.js';
import { isFailure } from '../errors.js';
import { ACCEPT, answersOf, lastOf, predictionsIn, withoutLabel } from '../evaluation/answers.js';
import { holdoutFiles, outputsOf } from '../evaluation/objects.js';
import { readPairs } from '../evaluation/pairs.js';
import { outputFolder } from '../evaluation/request.js';
import { etagsOf } from '../evaluation/score.js';

/** Rows of the holdout that a smoke test sends, and the most of them in bytes: a request has a limit of 6 MB. */
const ROWS = 16;
const BYTES = 1_000_000;
/** Floats may differ so much, as a share, and so little beside the largest of them: a batch is added up in another order. */
const TOLERANCE = 1e-4;
const NOISE = 1e-7;

/** Rows to send to an endpoint, and what the same model answered to them in the batch transform of its evaluation. */
export interface JudgedRows {
  readonly body: string;
  readonly contentType: string;
  readonly accept: string;
  readonly predictions: readonly number[];
}

/**
 * The first rows of the holdout with the candidate's predictions; undefined where those were removed already, or where the file changed or
 * went since: a person may have taken a month to approve, and other rows say nothing of the model.
 */
export async function judgedRows(
  s3: S3Client,
  input: { ref: RunRef; definition: Definition; holdout: Holdout },
): Promise<JudgedRows | undefined> {
  try {
    return await readJudged(s3, input);
  } catch (error) {
    if (isFailure(error, 'DataChanged')) return undefined;
    throw error;
  }
}

async function readJudged(
  s3: S3Client,
  { ref, definition, holdout }: { ref: RunRef; definition: Definition; holdout: Holdout },
): Promise<JudgedRows | undefined> {
  const [file] = await holdoutFiles(s3, holdout.manifestUri);
  if (!file) return undefined;
  const { bucket, output } = definition.data;
  const etag = (await etagsOf(s3, s3Uri(bucket, fileRecordKey(output, ref.runTime)))).get(file.key);
  const prefix = outputFolder(definition, ref, transformJobName(ref.model, ref.runTime, 'candidate', 1));
  const key = (await outputsOf(s3, { bucket, prefix }, [file.path])).get(file.path);
  if (key === undefined) return undefined;
  const form = answersOf(definition);
  const rows: string[] = [];
  const predictions: number[] = [];
  let bytes = 0;
  const modelName = deploymentName(ref.model, ref.runTime);
  await readPairs(
    s3,
    { file: { ...file, etag }, answers: { bucket, key }, form, modelName },
    (_label, { value }, text) => {
      const row = withoutLabel(text) ?? '';
      bytes += Buffer.byteLength(row) + 1;
      if (bytes > BYTES && rows.length > 0) return false;
      rows.push(row);
      predictions.push(value);
      return rows.length < ROWS;
    },
  );
  if (predictions.length === 0) return undefined;
  return { body: `${rows.join('\n')}\n`, contentType: 'text/csv', accept: ACCEPT[form], predictions };
}

/** How an endpoint's answer differs from the predictions of the same rows, without any value of them; undefined if it doesn't. */
export function difference(answer: string, predictions: readonly number[]): string | undefined {
  const said = valuesIn(answer, predictions.length);
  const count = `${predictions.length} rows of the holdout`;
  if (said === undefined) return `its answer to ${count} can't be read as so many predictions`;
  const scale = Math.max(...predictions.map((value) => (Number.isFinite(value) ? Math.abs(value) : 0)));
  const shares = predictions.flatMap((wanted, row) => {
    const value = said[row] as number;
    if (Object.is(value, wanted) || value === wanted) return [];
    const larger = Math.max(Math.abs(value), Math.abs(wanted));
    const off = Math.abs(value - wanted);
    return off <= TOLERANCE * larger + NOISE * scale ? [] : [off / larger];
  });
  if (shares.length === 0) return undefined;
  const most = Math.max(...shares);
  const by = Number.isFinite(most) ? `, by ${Number((100 * most).toPrecision(2))} % at the most` : '';
  return `it answers ${shares.length} of ${count} otherwise than the batch transform of the same model did${by}`;
}

/** The predictions in an answer of a model to so many rows: JSON, a CSV row each, or all of them in one CSV row, as some images do. */
function valuesIn(answer: string, rows: number): number[] | undefined {
  const lines = answer.split(/\r?\n/).filter((line) => line.trim() !== '');
  const one = lines.length === 1 && rows > 1 && !/^\s*[[{]/.test(answer) ? (lines[0] as string).split(',') : lines;
  const values = one.flatMap((line) => (/^\s*[[{]/.test(line) ? predictionsIn(line) : lastOf(line)) ?? []);
  return values.length === rows ? values.map(({ value }) => value) : undefined;
}
