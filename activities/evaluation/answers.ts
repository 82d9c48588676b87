import type { Definition } from '../../contracts/definition/index.js';

/** How a model answers: one CSV row, or one JSON document, a row. */
export type AnswerForm = 'csv' | 'jsonlines';

/** What a model said about one row. */
export interface Prediction {
  readonly value: number;
  /** The class that it names beside its score. */
  readonly label?: number;
}

/** The definition's own word, else what the built-in algorithm answers; CSV for other images. */
export const answersOf = ({ evaluation, training }: Pick<Definition, 'evaluation' | 'training'>): AnswerForm =>
  evaluation?.answers ?? (training.algorithm === 'linear-learner' ? 'jsonlines' : 'csv');

export const ACCEPT = { csv: 'text/csv', jsonlines: 'application/jsonlines' } as const satisfies Record<
  AnswerForm,
  string
>;

const LABEL = /^\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(?:,|$)/;
const LAST = /(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*$/;
const NOT_FINITE: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Infinity,
  infinity: Infinity,
  '-inf': -Infinity,
  '-infinity': -Infinity,
};

/** First field of a CSV row as a number: the label, by the convention of the built-in algorithms. Undefined if it is none. */
export function labelOf(row: string): number | undefined {
  const match = LABEL.exec(row);
  const value = match && finite(match[1] ?? match[2] ?? '');
  return value ?? undefined;
}

/** A CSV row without its first field; undefined where nothing would be left. */
export function withoutLabel(row: string): string | undefined {
  const match = LABEL.exec(row);
  return match && match[0].length < row.length ? row.slice(match[0].length) : undefined;
}

/** Last field of a CSV row as a prediction, which may be no finite number (`nan`, `inf`). Undefined if it is no number at all. */
export function lastOf(row: string): Prediction | undefined {
  const match = LAST.exec(row);
  const text = (match?.[1] ?? match?.[2] ?? '').trim();
  const value = finite(text) ?? NOT_FINITE[text.toLowerCase()];
  return value === undefined ? undefined : { value };
}

/** Label and prediction of a row that SageMaker joined: `label,prediction` and nothing else. Undefined if it isn't. */
export function joinedRow(row: string): (Prediction & { readonly actual: number }) | undefined {
  const actual = labelOf(row);
  const rest = withoutLabel(row);
  const said = rest === undefined || (!rest.includes('"') && rest.includes(',')) ? undefined : lastOf(rest);
  return actual === undefined || !said ? undefined : { actual, ...said };
}

/**
 * Predictions of one line of JSON: `{"score"}`, with or without `predicted_label`, or several in `{"predictions":[…]}`. A class without a
 * single score (several classes) is the prediction itself. Undefined if it is none of these.
 */
export function predictionsIn(line: string): Prediction[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const several = (value as { predictions?: unknown } | null)?.predictions;
  const found = (Array.isArray(several) ? several : [value]).map(predictionIn);
  return found.every((one) => one !== undefined) ? found : undefined;
}

function predictionIn(value: unknown): Prediction | undefined {
  if (typeof value === 'number') return { value };
  const { score, predicted_label: label } = (value ?? {}) as { score?: unknown; predicted_label?: unknown };
  if (typeof score === 'number') return { value: score, ...(typeof label === 'number' && { label }) };
  return typeof label === 'number' ? { value: label, label } : undefined;
}

/** The number that a text is; undefined for any other text, and for none. */
function finite(text: string): number | undefined {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}
