import type { ReportData } from '../../contracts/insight.js';
import { METRICS } from '../../contracts/metrics.js';
import { formatNumber, formatTime, plural } from '../format.js';
import { metricChart, scatterChart, timelineChart } from './charts.js';
import { changeMarks, metricSeries, outcomeCounts, timeline, type ChangeMark, type MetricSeries } from './data.js';
import { escapeHtml, figure } from './html.js';
import { preparedSection } from './prepared.js';
import { runTable, type UrlOf } from './table.js';
import { STYLE } from './theme.js';

/** Nothing is loaded, run or sent: only the style sheet of the page itself. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** What the page is made of. */
export interface ReportInput {
  readonly models: readonly ReportData[];
  /** ISO 8601. */
  readonly madeAt: string;
  /** Where a run can be looked at, if anywhere. */
  readonly urlOf: UrlOf;
}

/** The whole page as one document that needs nothing else. */
export async function reportPage({ models, madeAt, urlOf }: ReportInput): Promise<string> {
  const sections: string[] = [];
  for (const model of models) sections.push(await section(model, urlOf));
  const runs = models.reduce((sum, one) => sum + one.runs.length, 0);
  const names = models.map(({ model }) => model).join(', ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(names === '' ? 'Perennial: runs' : `Perennial: runs of ${names}`)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Perennial: runs</h1>
<p class="muted">${plural(runs, 'run')} of ${plural(models.length, 'model')}, as of ${formatTime(madeAt)}</p>
</header>
${models.length > 1 ? contents(models) : ''}
<main>
${sections.join('\n') || '<p>No run has ended yet.</p>'}
</main>
</body>
</html>
`;
}

const anchor = (model: string) => `model-${encodeURIComponent(model)}`;

function contents(models: readonly ReportData[]): string {
  const items = models.map(({ model }) => `<li><a href="#${anchor(model)}">${escapeHtml(model)}</a></li>`);
  return `<nav aria-label="Models"><ul>${items.join('')}</ul></nav>`;
}

async function section({ model, runs, score, noScore }: ReportData, urlOf: UrlOf): Promise<string> {
  const series = metricSeries(runs);
  const changes = changeMarks(runs);
  const bars = timeline(runs);
  const parts = [
    `<section aria-labelledby="${anchor(model)}">`,
    `<h2 id="${anchor(model)}">${escapeHtml(model)}</h2>`,
    `<p>${runs.length === 0 ? 'No run has ended yet.' : outcomeCounts(runs).map(countOf).join(', ')}</p>`,
    runs.length === 0
      ? ''
      : series && series.points.length > 0
        ? figure(`${series.name} over the runs`, aboutMetric(series, changes), await metricChart(series, changes))
        : '<p class="muted">No run has a metric yet.</p>',
    bars.length === 0
      ? ''
      : figure(
          'The last runs by stage',
          `How long each stage of ${plural(new Set(bars.map(({ run }) => run)).size, 'run')} took, the newest on top.`,
          await timelineChart(bars),
        ),
    score && score.record.sample.length > 0
      ? figure(
          'Predicted against actual',
          `${plural(score.record.sample.length, 'row')} of the ${score.record.rows} that the candidate of ${score.run} was judged on, evenly drawn. On the dashed line prediction and truth are the same.`,
          await scatterChart(score.record),
        )
      : '',
    await preparedSection(runs),
    noScore ? `<p class="muted">${escapeHtml(noScore)}</p>` : '',
    runs.length === 0 ? '' : runTable(runs, series, urlOf),
    '</section>',
  ];
  return parts.filter(Boolean).join('\n');
}

const countOf = ([outcome, count]: readonly [string, number]) =>
  `<span class="${escapeHtml(outcome)}">${escapeHtml(outcome)}</span> ${count}`;

function aboutMetric({ name, source, better, points, sameRows }: MetricSeries, changes: readonly ChangeMark[]): string {
  const runs = new Set(points.map(({ run }) => run)).size;
  const low = formatNumber(Math.min(...points.map(({ value }) => value)));
  const high = formatNumber(Math.max(...points.map(({ value }) => value)));
  return [
    `${plural(runs, 'run')}, ${low === high ? low : `from ${low} to ${high}`}. The line joins what was deployed.`,
    source === 'judged'
      ? `${name} is the ${METRICS[name as keyof typeof METRICS].label}, the better the ${better}, on rows that no training saw.`
      : 'As the training job told it, on its own data.',
    ...(points.some(({ kind }) => kind === 'live model')
      ? ['“live model” is the model that was deployed then, on the same rows as the candidate above or below it.']
      : []),
    ...(changes.length > 0
      ? [
          `A broken line from top to bottom is a change by hand, ${plural(changes.length, 'change')} in all: from then on the endpoint served another version.`,
        ]
      : []),
    ...(sameRows ? [] : ['The rows are not the same from run to run: part of a difference is theirs.']),
  ].join(' ');
}
