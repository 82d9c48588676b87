import type { Prepared } from '../../contracts/prepare.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { formatBytes, formatNumber, formatSeconds, plural } from '../format.js';
import { histogramChart } from './charts.js';
import { escapeHtml, figure } from './html.js';

/** A run whose data a warehouse made. */
type PreparedRun = OutcomeObject & { readonly prepared: Prepared };

/** Probabilities of the label's quantiles that have a column. */
const QUANTILES = ['0.01', '0.05', '0.25', '0.5', '0.75', '0.95', '0.99'] as const;

const isPrepared = (run: OutcomeObject): run is PreparedRun => run.prepared !== undefined;

/** What a warehouse made for the runs: the newest label's histogram, and a table to compare the runs by. Nothing where no run prepared any. */
export async function preparedSection(runs: readonly OutcomeObject[]): Promise<string> {
  const prepared = runs.filter(isPrepared);
  if (prepared.length === 0) return '';
  const newest = prepared.find((run) => run.prepared.label !== undefined);
  return [newest ? await labelFigure(newest) : '', preparedTable(prepared)].filter(Boolean).join('\n');
}

async function labelFigure({ run, prepared }: PreparedRun): Promise<string> {
  const { label, rows } = prepared;
  if (!label) return '';
  const { name, min, max, mean, quantiles } = label;
  const middle = ['0.05', '0.5', '0.95'].map((one) => formatNumber(quantiles[one] ?? Number.NaN)).join(', ');
  return figure(
    `${name}, the label, as it was prepared last`,
    `${plural(rows, 'row')} of ${run}, from ${formatNumber(min)} to ${formatNumber(max)}, ${formatNumber(mean)} in the mean; 5, 50 and 95 % lie below ${middle}, where the broken lines are.`,
    await histogramChart(label),
  );
}

const number = (value: string | number | undefined) => `<td class="number">${value ?? ''}</td>`;

function row({ run, asOf, prepared }: PreparedRun): string {
  const { rows, bytes, columns, seconds, checks, suppressed, publishedTo, unchanged, by, label } = prepared;
  const figures = label && [label.min, ...QUANTILES.map((one) => label.quantiles[one]), label.max, label.mean];
  const cells = [
    `<th scope="row"><code>${escapeHtml(run)}</code></th>`,
    `<td><time>${escapeHtml(asOf ?? '')}</time></td>`,
    ...[rows, formatBytes(bytes), columns, formatSeconds(seconds), checks.length, suppressed].map(number),
    `<td>${by !== undefined ? 'taken up' : unchanged ? 'unchanged' : 'new'}</td>`,
    `<td>${escapeHtml(label?.name ?? '')}</td>`,
    ...Array.from({ length: QUANTILES.length + 3 }, (_, index) => {
      const value = figures?.[index];
      return number(value === undefined ? '' : formatNumber(value));
    }),
    `<td><code>${escapeHtml(publishedTo)}</code></td>`,
  ];
  return `<tr>${cells.join('')}</tr>`;
}

function preparedTable(runs: readonly PreparedRun[]): string {
  const quantiles = QUANTILES.map((one) => `${formatNumber(Number(one) * 100)} %`);
  const numbers = new Set([
    'Rows',
    'Bytes',
    'Columns',
    'Took',
    'Checks',
    'Left out',
    'Least',
    ...quantiles,
    'Most',
    'Mean',
  ]);
  const head = ['Run', 'As of', 'Rows', 'Bytes', 'Columns', 'Took', 'Checks', 'Left out', 'Content', 'Label']
    .concat('Least', quantiles, 'Most', 'Mean', 'Published to')
    .map((name) => `<th scope="col"${numbers.has(name) ? ' class="number"' : ''}>${escapeHtml(name)}</th>`);
  return `<p class="muted">Percentages in the table are quantiles of the label; “left out” are rows that an erasure request suppressed.</p>
<div class="scroll" role="region" aria-label="Prepared data" tabindex="0">
<table>
<caption>Data that a warehouse prepared, ${plural(runs.length, 'run')}</caption>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${runs.map(row).join('\n')}
</tbody>
</table>
</div>`;
}
