import { describe, expect, it } from 'vitest';
import { Columns } from '../../activities/evaluation/columns.js';
import { metricsOf } from '../../activities/evaluation/metrics.js';

const of = (actual: number[], predicted: number[], labels?: number[]) =>
  metricsOf({
    actual: Float64Array.from(actual),
    predicted: Float64Array.from(predicted),
    ...(labels && { labels: Float64Array.from(labels) }),
  });

describe('metrics', () => {
  // Documentation of scikit-learn, examples of mean_absolute_error, root_mean_squared_error, mean_absolute_percentage_error and r2_score.
  it('are those of scikit-learn', () => {
    const { metrics } = of([3, -0.5, 2, 7], [2.5, 0, 2, 8]);
    // Those examples print the first digits.
    expect([metrics.mae, metrics.rmse, metrics.mape, metrics.r2].map(String)).toEqual([
      '0.5',
      expect.stringMatching(/^0\.612/),
      expect.stringMatching(/^0\.3273/),
      expect.stringMatching(/^0\.948/),
    ]);
  });

  it.each([
    [[1, 2, 3], 1],
    [[2, 2, 2], 0],
    [[3, 2, 1], -3],
  ])('r2 of [1, 2, 3] and %j is %d, as in the documentation of scikit-learn', (predicted, r2) => {
    expect(of([1, 2, 3], predicted).metrics.r2).toBe(r2);
  });

  it('accuracy is that of accuracy_score of scikit-learn', () => {
    expect(of([0, 1, 2, 3], [0, 2, 1, 3]).metrics.accuracy).toBe(0.5);
  });

  // Documentation of sktime, examples of MedianAbsolutePercentageError and MeanAbsolutePercentageError.
  it('mdape and mape are those of sktime', () => {
    const { metrics } = of([3, -0.5, 2, 7, 2], [2.5, 0, 2, 8, 1.25]);
    expect(metrics.mdape).toBeCloseTo(0.16666666666666666, 15);
    expect(metrics.mape).toBeCloseTo(0.33690476190476193, 15);
  });

  it('mdape of an even number of rows is the mean of the two in the middle', () => {
    expect(of([1, 1, 1, 1], [1, 1.5, 3, 9]).metrics.mdape).toBe(1.25);
  });
});

describe('where a metric is not defined', () => {
  it('leaves rows out whose true value is 0 where it would be divided by, and says so', () => {
    const { metrics, notes } = of([0, 2, 4], [5, 3, 4]);
    expect(metrics).toMatchObject({ mdape: 0.25, mape: 0.25, mae: 2 });
    expect(notes).toEqual(['mdape and mape leave out 1 of 3 rows whose true value is 0']);
  });

  it('is null where that leaves none', () => {
    const { metrics, notes } = of([0, 0], [1, 0]);
    expect(metrics).toMatchObject({ mdape: null, mape: null, r2: null, rmse: Math.SQRT1_2, accuracy: 0.5 });
    expect(notes[0]).toMatch(/which are all, so neither is defined$/);
  });

  it('r2 is null where all true values are equal, and for a single row', () => {
    expect(of([0.1, 0.1, 0.1], [1, 2, 3]).metrics.r2).toBeNull();
    expect(of([4], [4]).metrics).toEqual({ mdape: 0, mape: 0, rmse: 0, mae: 0, r2: null, accuracy: 1 });
  });

  it('all are null for no rows', () => {
    expect(Object.values(of([], []).metrics)).toEqual([null, null, null, null, null, null]);
  });

  it('a prediction that is no finite number leaves only accuracy, in which it counts as wrong', () => {
    const { metrics, notes } = of([1, 2], [1, Number.NaN]);
    expect(metrics).toEqual({ mdape: null, mape: null, rmse: null, mae: null, r2: null, accuracy: 0.5 });
    expect(notes).toEqual([
      '1 of 2 predictions are no finite number, so only accuracy is defined, and they count as wrong',
    ]);
    expect(of([1, 2], [1, Infinity]).metrics).toMatchObject({ mae: null, mape: null });
  });
});

describe('accuracy', () => {
  it('takes the class that the score rounds to, so that 0.5 decides for two classes', () => {
    expect(of([0, 1, 1, 0], [0.49, 0.5, 0.2, 0.9]).metrics.accuracy).toBe(0.5);
  });

  it('takes the class that the model names, where it does', () => {
    expect(of([1, 1, 0], [0.4, 0.4, 0.1], [1, 0, Number.NaN]).metrics.accuracy).toBeCloseTo(2 / 3, 15);
  });
});

describe('Columns', () => {
  it('keeps every row while it grows, and the class of those that have one', () => {
    const columns = new Columns();
    for (let row = 0; row < 10_000; row += 1) columns.push(row, row + 0.5, row === 5_000 ? 7 : undefined);
    const { actual, predicted, labels } = columns.view();
    expect([actual.length, predicted.length, labels?.length]).toEqual([10_000, 10_000, 10_000]);
    expect([actual[9_999], predicted[9_999], labels?.[5_000]]).toEqual([9_999, 9_999.5, 7]);
    expect(labels?.filter((label) => !Number.isNaN(label))).toHaveLength(1);
  });

  it('draws its sample evenly, always the same, and no more rows than there are', () => {
    const columns = new Columns();
    for (let row = 0; row < 1_000; row += 1) columns.push(row, row);
    expect(columns.sample(4).map(([actual]) => actual)).toEqual([0, 250, 500, 750]);
    expect(columns.sample(500)).toHaveLength(500);
    const few = new Columns();
    few.push(1, Number.NaN);
    few.push(2, 3);
    expect(few.sample(500)).toEqual([[2, 3]]);
  });
});
