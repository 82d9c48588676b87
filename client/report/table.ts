import type { OutcomeObject } from '../../contracts/records.js';
import { formatNumber, formatSeconds, formatTime, plural, secondsBetween } from '../format.js';
import { changeOf, metricOf, type MetricSeries } from './data.js';
import { escapeHtml } from './html.js';

/** Where a run can be looked at: the Temporal UI, if it is known. */
export type UrlOf = (run: Pick<OutcomeObject, 'run' | 'temporalRunId'>) => string | undefined;

/** A page may be opened anywhere: nothing but a web address becomes a link. */
function runName(run: OutcomeObject, urlOf: UrlOf): string {
  const url = urlOf(run);
  const name = `<code>${escapeHtml(run.run)}</code>`;
  return url && /^https?:\/\//.test(url) ? `<a href="${escapeHtml(url)}" rel="noreferrer">${name}</a>` : name;
}

const code = (text: string | undefined) => (text === undefined ? '' : `<code>${escapeHtml(text)}</code>`);
const number = (value: string | number | undefined) => `<td class="number">${value ?? ''}</td>`;

function row(run: OutcomeObject, series: MetricSeries | undefined, urlOf: UrlOf): string {
  const value = series && metricOf(run, series);
  const cells = [
    `<th scope="row">${runName(run, urlOf)}</th>`,
    `<td class="${escapeHtml(run.outcome)}">${escapeHtml([run.outcome, changeOf(run)].filter(Boolean).join(', '))}</td>`,
    `<td class="reason">${escapeHtml(run.reason)}</td>`,
    `<td><time datetime="${escapeHtml(run.startedAt)}">${formatTime(run.startedAt)}</time></td>`,
    number(formatSeconds(secondsBetween(run.startedAt, run.endedAt))),
    ...(series ? [number(value === undefined ? '' : formatNumber(value))] : []),
    number(run.files),
    number(run.billableSeconds),
    `<td>${code(run.trainingJob)}</td>`,
    `<td>${code(run.dataHash?.slice(0, 12))}</td>`,
  ];
  return `<tr>${cells.join('')}</tr>`;
}

/** All runs, newest first. */
export function runTable(runs: readonly OutcomeObject[], series: MetricSeries | undefined, urlOf: UrlOf): string {
  const head = [
    ['Run', ''],
    ['Outcome', ''],
    ['Reason', ''],
    ['Started', ''],
    ['Took', 'number'],
    ...(series ? [[series.name, 'number']] : []),
    ['Files', 'number'],
    ['Billable s', 'number'],
    ['Training job', ''],
    ['Data hash', ''],
  ].map(
    ([name = '', kind]) => `<th scope="col"${kind === '' ? '' : ` class="${kind ?? ''}"`}>${escapeHtml(name)}</th>`,
  );
  return `<div class="scroll" role="region" aria-label="Runs" tabindex="0">
<table>
<caption>${plural(runs.length, 'run')}, newest first</caption>
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${runs.map((run) => row(run, series, urlOf)).join('\n')}
</tbody>
</table>
</div>`;
}
