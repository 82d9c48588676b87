import type { OutcomeObject } from '../../contracts/records.js';
import { formatBytes, formatNumber, formatSeconds, plural } from '../format.js';

/** What a warehouse made for a run, in a line. */
export function preparedInWords({ prepared }: Pick<OutcomeObject, 'prepared'>): string | undefined {
  if (!prepared) return undefined;
  const { rows, bytes, columns, seconds, suppressed, publishedTo, unchanged, checks, replaced, by } = prepared;
  return [
    `${plural(rows, 'row')} of ${plural(columns, 'column')}, ${formatBytes(bytes)}, in ${formatSeconds(seconds)}`,
    ...(checks.length > 0 ? [`${plural(checks.length, 'check')} held`] : []),
    ...(suppressed > 0 ? [`${plural(suppressed, 'row')} left out as erased`] : []),
    `${unchanged ? 'as' : 'to'} ${publishedTo}`,
    ...(replaced > 0 ? [`in place of ${plural(replaced, 'object')} of an earlier export`] : []),
    ...(by === undefined ? [] : [`by ${by}`]),
  ].join(', ');
}

const BARS = '▁▂▃▄▅▆▇█';

/** Quantiles, and the histogram as a line of bars. */
export function labelInWords({ prepared }: Pick<OutcomeObject, 'prepared'>): string | undefined {
  const label = prepared?.label;
  if (!label) return undefined;
  const { name, min, max, quantiles, histogram } = label;
  const most = Math.max(...histogram);
  const bars = histogram
    .map((count) => (count === 0 ? ' ' : BARS[Math.ceil((count / most) * BARS.length) - 1]))
    .join('');
  const middle = ['0.05', '0.5', '0.95'].map((one) => formatNumber(quantiles[one] ?? Number.NaN)).join(', ');
  return `${name} ${formatNumber(min)} to ${formatNumber(max)}; 5, 50, 95 %: ${middle}  ${bars}`;
}
