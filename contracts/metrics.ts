/**
 * Metrics of predictions against what was true, on the same rows. `error` is the better the lower, `score` the better the higher.
 * docs/evaluation.md defines each, with what zeros and empty sets do to it.
 */
export const METRICS = {
  mdape: { better: 'lower', label: 'median absolute percentage error, as a share' },
  mape: { better: 'lower', label: 'mean absolute percentage error, as a share' },
  rmse: { better: 'lower', label: 'root of the mean squared error' },
  mae: { better: 'lower', label: 'mean absolute error' },
  r2: { better: 'higher', label: 'coefficient of determination' },
  accuracy: { better: 'higher', label: 'share of rows predicted right' },
} as const;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as [MetricName, ...MetricName[]];

/** Values by metric; null where a metric is not defined for these rows (docs/evaluation.md). JSON knows no NaN. */
export type MetricValues = Readonly<Partial<Record<MetricName, number | null>>>;
