import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { ScoreRecord } from '../../contracts/evaluation.js';
import { parseRunId } from '../../contracts/names.js';
import type { LabelStatistics } from '../../contracts/prepare.js';
import { STAGES } from '../../contracts/runs.js';
import { formatNumber } from '../format.js';
import type { Bar, ChangeMark, MetricSeries, PointKind } from './data.js';
import { colour, KINDS, STAGE_COLOURS } from './theme.js';

const WIDTH = 980;
const DAY_MS = 86_400_000;

/** Every colour is a variable of the page, so that one drawing fits light, dark and paper. */
const CONFIG: TopLevelSpec['config'] = {
  background: 'transparent',
  font: 'system-ui, sans-serif',
  view: { stroke: colour('line') },
  axis: {
    gridColor: colour('line'),
    domainColor: colour('muted'),
    tickColor: colour('muted'),
    labelColor: colour('muted'),
    titleColor: colour('text'),
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
  legend: { labelColor: colour('text'), titleColor: colour('muted'), labelFontSize: 11, orient: 'top' },
};

/** Draws without a browser: Vega's own SVG, as text. */
async function draw(spec: Omit<TopLevelSpec, 'config'>): Promise<string> {
  const view = new View(parse(compile({ ...spec, config: CONFIG } as TopLevelSpec).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** A range with room around it; `alone` is the room where all values are one. */
function padded(values: readonly number[], alone: (value: number) => number): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = high === low ? alone(high) : (high - low) * 0.06;
  return [low - room, high + room];
}

const aTenth = (value: number) => Math.abs(value) / 10 || 1;

const kindsOf = (marks: readonly { readonly kind: PointKind }[]) =>
  (Object.keys(KINDS) as PointKind[]).filter((kind) => marks.some((mark) => mark.kind === kind));

/** Vega's own labels of a time axis, but for its hours of 12. */
const HOURS_OF_24 = "utcFormat(datum.value, { hours: '%H:%M', minutes: '%H:%M' })";

/** The metric over the runs: a mark a run, by outcome, a rule a change by hand; the line joins what was deployed. */
export function metricChart({ name, points }: MetricSeries, changes: readonly ChangeMark[]): Promise<string> {
  const kinds = kindsOf([...points, ...changes]);
  const rules = changes.map(({ run, at, kind, to }) => ({
    ...{ at: Date.parse(at), kind },
    label: `${run}, ${kind}${to === undefined ? '' : ` to the model of ${to}`}`,
  }));
  const values = points.map(({ run, at, value, kind }) => ({
    ...{ at: Date.parse(at), value, kind },
    label: `${run}, ${kind}: ${formatNumber(value)}`,
  }));
  const times = [...values, ...rules].map(({ at }) => at);
  const x = {
    field: 'at',
    type: 'temporal',
    scale: { type: 'utc', domain: padded(times, () => DAY_MS) },
    title: null,
    axis: { labelOverlap: true, tickCount: 8, labelExpr: HOURS_OF_24 },
  };
  const y = {
    field: 'value',
    type: 'quantitative',
    scale: {
      domain: padded(
        points.map(({ value }) => value),
        aTenth,
      ),
      zero: false,
    },
    title: name,
  };
  const look = (which: 0 | 1) =>
    kinds.map((kind) => (which === 0 ? colour(KINDS[kind][0]) : (KINDS[kind][1] as string)));
  const scale = (range: string[]) => ({ domain: kinds, range });
  const color = { field: 'kind', type: 'nominal', scale: scale(look(0)), title: null };
  return draw({
    width: WIDTH,
    height: 260,
    data: { values },
    layer: [
      ...(rules.length === 0
        ? []
        : [
            {
              data: { values: rules },
              mark: { type: 'rule', strokeDash: [3, 3], strokeWidth: 1.5 },
              encoding: { x, color, description: { field: 'label' } },
            },
          ]),
      {
        transform: [{ filter: "datum.kind === 'Deployed'" }],
        mark: { type: 'line', color: colour('blue'), opacity: 0.5, strokeWidth: 1.5, aria: false },
        encoding: { x, y },
      },
      {
        mark: { type: 'point', filled: false, strokeWidth: 2, size: points.length > 200 ? 24 : 70, opacity: 1 },
        encoding: {
          ...{ x, y },
          color,
          shape: { field: 'kind', type: 'nominal', scale: scale(look(1)), title: null },
          description: { field: 'label' },
        },
      },
    ],
  } as unknown as TopLevelSpec);
}

/** Seconds a unit, for a span that long. */
function unitOf(seconds: number): readonly [name: string, seconds: number] {
  if (seconds < 300) return ['seconds', 1];
  return seconds < 4 * 3_600 ? ['minutes', 60] : ['hours', 3_600];
}

/** To the millisecond: no two runs of a model begin in the same one. */
const rowOf = (run: string, outcome: string) => `${parseRunId(run)?.time.replace('T', ' ') ?? run}  ${outcome}`;

/** A bar a run, the newest on top, cut into its stages. */
export function timelineChart(bars: readonly Bar[]): Promise<string> {
  const [unit, divisor] = unitOf(Math.max(...bars.map(({ to }) => to)));
  const stages = STAGES.filter((stage) => bars.some((bar) => bar.stage === stage));
  const values = bars.map(({ run, outcome, stage, from, to }) => ({
    ...{ run, stage, from: from / divisor, to: to / divisor },
    row: rowOf(run, outcome),
    label: `${run}, ${stage}: ${formatNumber(to - from)} s`,
  }));
  const rows = [...new Set(values.map(({ row }) => row))];
  return draw({
    width: WIDTH - 200,
    height: { step: 22 },
    data: { values },
    mark: { type: 'bar', height: { band: 0.7 } },
    encoding: {
      y: { field: 'row', type: 'nominal', sort: rows, title: null, axis: { labelLimit: 0 } },
      x: { field: 'from', type: 'quantitative', title: `${unit} since the run began` },
      x2: { field: 'to' },
      color: {
        field: 'stage',
        type: 'nominal',
        title: null,
        scale: { domain: stages, range: stages.map((stage) => colour(STAGE_COLOURS[stage] ?? 'grey')) },
      },
      description: { field: 'label' },
    },
  } as unknown as TopLevelSpec);
}

/** What was predicted against what was true; on the line the two are one. */
export function scatterChart({ sample }: ScoreRecord): Promise<string> {
  const domain = padded(sample.flat(), aTenth);
  const axis = (field: string) => ({ field, type: 'quantitative', scale: { domain, nice: false }, title: field });
  return draw({
    width: 420,
    height: 420,
    layer: [
      {
        data: { values: domain.map((value) => ({ actual: value, predicted: value })) },
        mark: { type: 'line', color: colour('muted'), strokeDash: [4, 4], strokeWidth: 1, aria: false },
        encoding: { x: axis('actual'), y: axis('predicted') },
      },
      {
        data: { values: sample.map(([actual, predicted]) => ({ actual, predicted })) },
        mark: { type: 'point', filled: true, color: colour('blue'), size: 22, opacity: 0.6 },
        encoding: { x: axis('actual'), y: axis('predicted') },
      },
    ],
  } as unknown as TopLevelSpec);
}

/** How often each value of the label occurs, by equally wide bins, with its 5, 50 and 95 % as rules. */
export function histogramChart({ name, min, max, quantiles, histogram }: LabelStatistics): Promise<string> {
  const width = (max - min) / histogram.length || 1;
  const values = histogram.map((rows, index) => {
    const [from, to] = [min + index * width, min + (index + 1) * width];
    return { from, to, rows, label: `${formatNumber(from)} to ${formatNumber(to)}: ${rows} rows` };
  });
  const rules = ['0.05', '0.5', '0.95'].flatMap((one) => {
    const at = quantiles[one];
    return at === undefined ? [] : [{ at, label: `${Number(one) * 100} % are below ${formatNumber(at)}` }];
  });
  const x = { field: 'from', type: 'quantitative', title: name, scale: { zero: false, nice: false } };
  return draw({
    width: WIDTH - 60,
    height: 180,
    layer: [
      {
        data: { values },
        mark: { type: 'bar', orient: 'vertical', color: colour('blue'), opacity: 0.75, binSpacing: 1 },
        encoding: {
          x: { ...x, bin: 'binned' },
          x2: { field: 'to' },
          y: { field: 'rows', type: 'quantitative', title: 'rows' },
          description: { field: 'label' },
        },
      },
      {
        data: { values: rules },
        mark: { type: 'rule', color: colour('vermilion'), strokeDash: [4, 3], strokeWidth: 1.5 },
        encoding: { x: { ...x, field: 'at' }, description: { field: 'label' } },
      },
    ],
  } as unknown as TopLevelSpec);
}
