import { STAGES } from '../../contracts/runs.js';
import type { FileDifference, TrainingFacts } from '../../contracts/insight.js';
import { formatBytes, formatNumber, formatSeconds, formatTime } from '../format.js';
import type { MetricView, RunColumn } from './view.js';

/** A line of the table: what it is about, and a cell a run. */
export interface Row {
  readonly label: string;
  readonly cells: readonly string[];
}

const NONE = '–';
/** Beside a metric that was measured on other rows than the first run's. */
export const OTHER_DATA = '*';
export const OTHER_ROWS = '≠ rows';

const signed = (value: number, text: string) => (value > 0 ? `+${text}` : text.replace('-', '−'));

function metricCell(metric: MetricView | undefined): string {
  if (!metric) return NONE;
  if (metric.value === null) return 'not defined';
  const { value, difference, percent, comparable, better } = metric;
  const shown = formatNumber(value);
  if (difference === undefined) return comparable ? shown : `${shown} ${OTHER_ROWS}`;
  if (difference === 0) return `${shown} (same)`;
  const share = percent === undefined ? '' : `, ${signed(percent, percent.toFixed(1))} %`;
  const verdict = better === undefined ? '' : better ? ', better' : ', worse';
  const mark = comparable ? '' : OTHER_DATA;
  return `${shown} (${signed(difference, formatNumber(difference))}${share}${verdict})${mark}`;
}

function fileCells(runs: readonly RunColumn[], of: (run: RunColumn) => FileDifference | undefined): string[] {
  return runs.map((run, index) => {
    const found = of(run);
    if (!found) return NONE;
    const { files, bytes, added, removed, changed } = found;
    const count = `${files}, ${formatBytes(bytes)}`;
    if (index === 0) return count;
    const parts = [
      [added, '+'],
      [removed, '−'],
      [changed, '~'],
    ] as const;
    const said = parts.filter(([keys]) => keys.length > 0).map(([keys, sign]) => `${sign}${keys.length}`);
    return `${count} (${said.join(' ') || 'same'})`;
  });
}

const hash = (runs: readonly RunColumn[], of: (run: RunColumn) => string | undefined) =>
  runs.map((run, index) => {
    const value = of(run);
    if (value === undefined) return NONE;
    return index > 0 && value === of(runs[0] as RunColumn) ? 'same' : value.slice(0, 12);
  });

const trained = (runs: readonly RunColumn[], of: (training: TrainingFacts) => string | undefined) =>
  runs.map(({ training }) => (training ? (of(training) ?? 'not known') : NONE));

const unequal = (cells: readonly string[]) => new Set(cells).size > 1;

/** Names in the order in which they first come up. */
const names = (runs: readonly RunColumn[], of: (run: RunColumn) => readonly string[]) => [...new Set(runs.flatMap(of))];

function hyperparameterRows(runs: readonly RunColumn[]): Row[] {
  const all = names(runs, ({ training }) => Object.keys(training?.hyperparameters ?? {})).sort();
  const rows = all.map((name) => ({
    label: name,
    cells: trained(runs, ({ hyperparameters }) => (hyperparameters ? (hyperparameters[name] ?? NONE) : undefined)),
  }));
  const different = rows.filter(({ cells }) => unequal(cells));
  const equal = rows.length - different.length;
  const cells = trained(runs, ({ hyperparameters }) => hyperparameters && `${Object.keys(hyperparameters).length}`);
  return [
    { label: `hyperparameters${equal > 0 ? ` (${equal} equal)` : ''}`, cells },
    ...different.map(({ label, cells: values }) => ({ label: `  ${label}`, cells: values })),
  ];
}

function metricRows(
  runs: readonly RunColumn[],
  title: string,
  of: (run: RunColumn) => readonly MetricView[] | undefined,
): Row[] {
  return names(runs, (run) => (of(run) ?? []).map(({ name }) => name)).map((name) => ({
    label: `${title} ${name}`,
    cells: runs.map((run) => metricCell(of(run)?.find((metric) => metric.name === name))),
  }));
}

function judgedRows(runs: readonly RunColumn[]): Row[] {
  if (runs.every(({ evaluation }) => evaluation === undefined)) return [];
  const cells = runs.map(({ evaluation }, index) => {
    if (!evaluation) return NONE;
    const { rows, holdout, sameRows } = evaluation;
    return `${rows} of ${holdout.from} to ${holdout.to}${index === 0 ? '' : sameRows ? ' (same)' : ' (others)'}`;
  });
  return [{ label: 'rows judged on', cells }, ...metricRows(runs, 'judged', ({ evaluation }) => evaluation?.metrics)];
}

const text = (value: unknown) =>
  value === undefined ? NONE : typeof value === 'string' ? value : JSON.stringify(value);

function definitionRows(runs: readonly RunColumn[]): Row[] {
  return names(runs, ({ definitionChanges = [] }) => definitionChanges.map(({ key }) => key)).map((key) => {
    const changes = runs.map((run) => run.definitionChanges?.find((change) => change.key === key));
    const before = text(changes.find((change) => change !== undefined)?.before);
    const cells = runs.map((run, index) => {
      const change = changes[index];
      if (change) return text(change.after);
      return index === 0 || run.definitionChanges ? before : 'not known';
    });
    return { label: key, cells };
  });
}

/** The whole table, top to bottom. */
export function comparisonRows(runs: readonly RunColumn[]): Row[] {
  const stages = STAGES.filter((stage) => runs.some((run) => run.stages[stage] !== undefined));
  const optional = (row: Row) => (row.cells.every((cell) => cell === NONE) ? [] : [row]);
  const models = runs.map(({ model }) => model);
  return [
    ...(unequal(models) ? [{ label: 'model', cells: models }] : []),
    { label: 'outcome', cells: runs.map(({ outcome }) => outcome) },
    { label: 'as of', cells: runs.map(({ asOf = NONE }) => asOf) },
    { label: 'started', cells: runs.map(({ startedAt }) => formatTime(startedAt)) },
    { label: 'took', cells: runs.map(({ seconds }) => formatSeconds(seconds)) },
    ...stages.map((stage) => ({
      label: `  ${stage}`,
      cells: runs.map((run) => (run.stages[stage] === undefined ? NONE : formatSeconds(run.stages[stage]))),
    })),
    ...optional({ label: 'training files', cells: fileCells(runs, ({ files }) => files) }),
    ...optional({ label: 'holdout files', cells: fileCells(runs, ({ holdoutFiles }) => holdoutFiles) }),
    { label: 'data hash', cells: hash(runs, ({ dataHash }) => dataHash) },
    { label: 'definition', cells: hash(runs, ({ definitionHash }) => definitionHash) },
    ...definitionRows(runs),
    ...optional({ label: 'image', cells: trained(runs, ({ image }) => image) }),
    ...optional({
      label: 'image digest',
      cells: hash(runs, ({ training }) => training?.imageDigest?.slice('sha256:'.length)),
    }),
    ...hyperparameterRows(runs).flatMap(optional),
    ...optional({ label: 'instances', cells: trained(runs, instances) }),
    ...optional({ label: 'billable', cells: trained(runs, billable) }),
    ...metricRows(runs, 'training', ({ trainingMetrics }) => trainingMetrics),
    ...judgedRows(runs),
  ];
}

const instances = ({ instanceType, instanceCount, spot }: TrainingFacts) =>
  instanceType && `${instanceCount === undefined ? '' : `${instanceCount} × `}${instanceType}${spot ? ', spot' : ''}`;

const billable = ({ billableSeconds }: TrainingFacts) =>
  billableSeconds === undefined ? undefined : `${billableSeconds} s`;
