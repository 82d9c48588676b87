import { METRICS, type MetricName } from '../../contracts/metrics.js';
import type { RunKind } from '../../contracts/names.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { STAGES } from '../../contracts/runs.js';
import type { Outcome, Stage } from '../../contracts/runs.js';

/** Runs whose stages are drawn. */
const TIMELINE_RUNS = 12;

/** What a mark of the metric chart stands for. */
export type PointKind = Outcome | 'live model' | ChangeKind;
/** A change of the endpoint by hand: a moment, with no metric of its own. */
export type ChangeKind = 'rolled back' | 'deployed anew';

interface MetricPoint {
  readonly run: string;
  /** ISO 8601. */
  readonly at: string;
  readonly value: number;
  readonly kind: PointKind;
}

/** One metric over the runs, oldest first. */
export interface MetricSeries {
  readonly name: string;
  /** `judged`: of candidates on rows that they did not train on; `training`: as the training job told it. */
  readonly source: 'judged' | 'training';
  readonly better?: 'lower' | 'higher';
  readonly points: readonly MetricPoint[];
  /** Whether all of it was measured on the same rows. */
  readonly sameRows: boolean;
}

/** A change of the endpoint by hand, which the metric chart marks. */
export interface ChangeMark {
  readonly run: string;
  /** ISO 8601. */
  readonly at: string;
  readonly kind: ChangeKind;
  /** The run whose model serves since then. */
  readonly to?: string;
}

const CHANGES: Readonly<Partial<Record<RunKind, ChangeKind>>> = { rollback: 'rolled back', deploy: 'deployed anew' };

/** What kind of change by hand a run was; undefined for one that looked for data. */
export const changeOf = ({ kind }: Pick<OutcomeObject, 'kind'>): ChangeKind | undefined => kind && CHANGES[kind];

/** The changes by hand that took effect, oldest first. */
export function changeMarks(runs: readonly OutcomeObject[]): ChangeMark[] {
  return runs.toReversed().flatMap((run) => {
    const kind = changeOf(run);
    if (kind === undefined || run.outcome !== 'Deployed') return [];
    return [{ run: run.run, at: run.startedAt, kind, ...(run.change && { to: run.change.to.run }) }];
  });
}

/** The metric that decides, of the last run that was evaluated; without one the first training metric of the last run that has any. */
export function metricSeries(runs: readonly OutcomeObject[]): MetricSeries | undefined {
  const decides = runs.find(({ evaluation }) => evaluation)?.evaluation?.metric;
  const oldestFirst = runs.toReversed();
  if (decides !== undefined) return judged(decides, oldestFirst);
  const name = runs.find(({ metrics }) => metrics.length > 0)?.metrics[0]?.name;
  if (name === undefined) return undefined;
  const points = oldestFirst.flatMap((run) => {
    const value = metricOf(run, { name, source: 'training' });
    return value === undefined ? [] : [{ run: run.run, at: run.startedAt, value, kind: run.outcome }];
  });
  const sameRows = isOne(runs.filter(({ metrics }) => metrics.length > 0).map(({ dataHash }) => dataHash));
  return { name, source: 'training', points, sameRows };
}

function judged(name: MetricName, runs: readonly OutcomeObject[]): MetricSeries {
  const points = runs.flatMap(({ run, startedAt: at, outcome, evaluation }): MetricPoint[] => {
    const { candidate, live } = evaluation ?? {};
    const values = [
      [candidate?.metrics[name], outcome],
      [live?.metrics[name], 'live model'],
    ] as const;
    return values.flatMap(([value, kind]) => (value == null ? [] : [{ run, at, value, kind }]));
  });
  const sameRows = isOne(runs.flatMap(({ evaluation }) => evaluation?.holdout.hash ?? []));
  return { name, source: 'judged', better: METRICS[name].better, points, sameRows };
}

const isOne = (values: readonly (string | undefined)[]) => new Set(values).size < 2;

/** A run's value of the metric that is drawn; undefined where it has none. */
export function metricOf(
  { evaluation, metrics }: OutcomeObject,
  { name, source }: Pick<MetricSeries, 'name' | 'source'>,
): number | undefined {
  if (source === 'training') return metrics.find((metric) => metric.name === name)?.value;
  return evaluation?.candidate.metrics[name as MetricName] ?? undefined;
}

/** A stage of a run, in seconds from the run's beginning. */
export interface Bar {
  readonly run: string;
  readonly outcome: Outcome;
  readonly stage: Stage;
  readonly from: number;
  readonly to: number;
}

/** Stages of the last runs that trained; where none did, of the last runs. */
export function timeline(runs: readonly OutcomeObject[]): Bar[] {
  const trained = runs.filter(({ trainingJob }) => trainingJob !== undefined);
  return (trained.length > 0 ? trained : runs).slice(0, TIMELINE_RUNS).flatMap(({ run, outcome, stages }) => {
    let at = 0;
    return STAGES.flatMap((stage) => {
      const seconds = stages[stage];
      if (seconds === undefined) return [];
      const from = at;
      at += seconds;
      return [{ run, outcome, stage, from, to: at }];
    });
  });
}

/** How many runs ended in which way, the most frequent first. */
export function outcomeCounts(runs: readonly OutcomeObject[]): (readonly [Outcome, number])[] {
  const counts = new Map<Outcome, number>();
  for (const { outcome } of runs) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}
