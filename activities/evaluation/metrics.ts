import type { MetricName, MetricValues } from '../../contracts/metrics.js';

/** Labels and predictions of the same rows, in the same order. */
export interface Scored {
  readonly actual: Float64Array;
  readonly predicted: Float64Array;
  /** The class that a model names beside its score. Absent where it names none; NaN in rows in which it doesn't. */
  readonly labels?: Float64Array;
}

/** Every metric of these rows, null where it isn't defined, and in sentences what was left out. docs/evaluation.md defines each. */
export function metricsOf(scored: Scored): { readonly metrics: MetricValues; readonly notes: readonly string[] } {
  const { actual, predicted } = scored;
  const errors = shareErrors(scored);
  const zeros = actual.length - errors.length;
  const unfinished = predicted.reduce((count, value) => (Number.isFinite(value) ? count : count + 1), 0);
  const notes: string[] = [];
  if (zeros > 0)
    notes.push(
      `mdape and mape leave out ${zeros} of ${actual.length} rows whose true value is 0` +
        (errors.length === 0 ? ', which are all, so neither is defined' : ''),
    );
  if (unfinished > 0)
    notes.push(
      `${unfinished} of ${actual.length} predictions are no finite number, so only accuracy is defined, and they count as wrong`,
    );
  const values: Record<MetricName, number> = {
    mdape: median(errors),
    mape: mean(errors),
    rmse: Math.sqrt(meanOf(scored, (y, p) => (y - p) ** 2)),
    mae: meanOf(scored, (y, p) => Math.abs(y - p)),
    r2: r2(scored),
    accuracy: accuracy(scored),
  };
  const defined = Object.entries(values).map(([name, value]) => [name, Number.isFinite(value) ? value : null] as const);
  return { metrics: Object.fromEntries(defined), notes };
}

/** |y - p| / |y| of the rows whose true value isn't 0. */
function shareErrors({ actual, predicted }: Scored): Float64Array {
  const errors = new Float64Array(actual.length);
  let count = 0;
  actual.forEach((y, row) => {
    if (y !== 0) errors[count++] = Math.abs((y - (predicted[row] as number)) / y);
  });
  return errors.subarray(0, count);
}

/** The middle value, or the mean of the two in the middle; NaN for none, and where one is no number. Sorts in place. */
function median(values: Float64Array): number {
  if (values.length === 0) return Number.NaN;
  values.sort();
  // NaN sorts last.
  if (Number.isNaN(values.at(-1))) return Number.NaN;
  const middle = values.length >> 1;
  const upper = values[middle] as number;
  return values.length % 2 === 1 ? upper : ((values[middle - 1] as number) + upper) / 2;
}

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

function meanOf({ actual, predicted }: Scored, term: (actual: number, predicted: number) => number): number {
  let sum = 0;
  for (let row = 0; row < actual.length; row += 1) sum += term(actual[row] as number, predicted[row] as number);
  return sum / actual.length;
}

/** 1 - (squared errors) / (squared distances from the mean); NaN where all true values are equal, as there is nothing to explain. */
function r2(scored: Scored): number {
  const centre = mean(scored.actual);
  const first = scored.actual[0];
  if (scored.actual.every((value) => value === first)) return Number.NaN;
  return 1 - meanOf(scored, (y, p) => (y - p) ** 2) / meanOf(scored, (y) => (y - centre) ** 2);
}

/** Share of rows whose class the model names, or whose prediction, rounded to the nearest whole number (halves up), is the true value. */
function accuracy({ actual, predicted, labels }: Scored): number {
  let right = 0;
  for (let row = 0; row < actual.length; row += 1) {
    const label = labels?.[row] ?? Number.NaN;
    const said = Number.isNaN(label) ? Math.round(predicted[row] as number) : label;
    if (said === actual[row]) right += 1;
  }
  return right / actual.length;
}
