import type { Definition } from '../../contracts/definition/index.js';
import type { Evaluation } from '../../contracts/evaluation.js';
import type { FileDifference, TrainingFacts } from '../../contracts/insight.js';
import { METRICS, type MetricName } from '../../contracts/metrics.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { changesBetween, type Change } from '../diff.js';
import { secondsBetween } from '../format.js';
import type { LoadedRun } from './load.js';

/** A metric of a run against the first run's. */
export interface MetricView {
  readonly name: string;
  /** Null: not defined for these rows. */
  readonly value: number | null;
  /** Whether it was measured on the same rows as the first run's. */
  readonly comparable: boolean;
  readonly difference?: number;
  /** The difference in percent of the first run's value; absent where that is 0. */
  readonly percent?: number;
  /** Absent where the two are equal, or where nobody says which way is better. */
  readonly better?: boolean;
}

/** One run of a comparison, as `--json` prints it. */
export interface RunColumn extends Pick<
  OutcomeObject,
  | 'run'
  | 'model'
  | 'outcome'
  | 'reason'
  | 'asOf'
  | 'startedAt'
  | 'endedAt'
  | 'stages'
  | 'dataHash'
  | 'definitionHash'
  | 'endpoint'
> {
  readonly seconds: number;
  readonly training?: TrainingFacts;
  readonly files?: FileDifference;
  readonly holdoutFiles?: FileDifference;
  /** Of the training job, on the data that it trained on. */
  readonly trainingMetrics: readonly MetricView[];
  readonly evaluation?: Pick<Evaluation, 'metric' | 'rows' | 'holdout' | 'verdict' | 'approval'> & {
    readonly sameRows: boolean;
    readonly metrics: readonly MetricView[];
  };
  /** Keys of the definition whose values differ from the first run's; absent where one of the two is not kept any more. */
  readonly definitionChanges?: readonly Change[];
}

/** Keys that make no other model and no other service, and those that have rows of their own. */
const LEFT_OUT =
  /^(notify|triggers|waiting|transforms|data\.(output|parameter|retention)|encryption\.data|training\.(tags|hyperparameters|algorithm|image|instances|count))(\.|$)/;

/** What differs from the first run, run by run. */
export function compareView(runs: readonly LoadedRun[]): RunColumn[] {
  const [first] = runs;
  return first ? runs.map((run) => column(run, first)) : [];
}

function column(loaded: LoadedRun, first: LoadedRun): RunColumn {
  const { outcome, training, files, holdout } = loaded;
  const { run, model, reason, asOf, startedAt, endedAt, stages, dataHash, definitionHash, endpoint } = outcome;
  const isFirst = loaded === first;
  const changes = isFirst ? undefined : definitionChanges(first.definition, loaded.definition);
  const evaluation = evaluationView(outcome.evaluation, isFirst ? undefined : first.outcome.evaluation, isFirst);
  return {
    ...{ run, model, outcome: outcome.outcome, reason, asOf, startedAt, endedAt, stages, dataHash, definitionHash },
    ...{ endpoint, seconds: secondsBetween(startedAt, endedAt) },
    ...(training && { training }),
    ...(files && { files }),
    ...(holdout && { holdoutFiles: holdout }),
    trainingMetrics: outcome.metrics.map(({ name, value }) => {
      const before = first.outcome.metrics.find((metric) => metric.name === name)?.value;
      return metricView(name, value, isFirst ? undefined : before, isFirst || sameData(outcome, first.outcome));
    }),
    ...(evaluation && { evaluation }),
    ...(changes && { definitionChanges: changes }),
  };
}

const sameData = (a: OutcomeObject, b: OutcomeObject) => a.dataHash !== undefined && a.dataHash === b.dataHash;

function evaluationView(
  now: Evaluation | undefined,
  first: Evaluation | undefined,
  isFirst: boolean,
): RunColumn['evaluation'] {
  if (!now) return undefined;
  const sameRows = isFirst || (first?.holdout.hash === now.holdout.hash && first.rows === now.rows);
  const { metric, rows, holdout, verdict, approval } = now;
  const metrics = (Object.entries(now.candidate.metrics) as [MetricName, number | null][]).map(([name, value]) => {
    const before = first?.candidate.metrics[name] ?? undefined;
    // On other rows a difference says nothing about the models.
    return metricView(name, value, sameRows ? before : undefined, sameRows, METRICS[name].better);
  });
  return { metric, rows, holdout, ...(verdict && { verdict }), ...(approval && { approval }), sameRows, metrics };
}

function metricView(
  name: string,
  value: number | null,
  before: number | null | undefined,
  comparable: boolean,
  direction?: 'lower' | 'higher',
): MetricView {
  if (value === null || before == null) return { name, value, comparable };
  const difference = value - before;
  return {
    ...{ name, value, comparable, difference },
    ...(before !== 0 && { percent: (difference / Math.abs(before)) * 100 }),
    ...(direction !== undefined && difference !== 0 && { better: difference < 0 === (direction === 'lower') }),
  };
}

function definitionChanges(first: Definition | undefined, now: Definition | undefined): readonly Change[] | undefined {
  if (!first || !now) return undefined;
  return changesBetween(first, now).filter(({ key }) => !LEFT_OUT.test(key));
}
