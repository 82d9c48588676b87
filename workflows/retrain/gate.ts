import type { Definition } from '../../contracts/definition/index.js';
import type { Evaluation, GateVerdict } from '../../contracts/evaluation.js';
import { METRICS, type MetricName } from '../../contracts/metrics.js';

type Wanted = NonNullable<Definition['evaluation']>;

/** Six digits: a candidate that is worse by a hair must not read as equal. */
export const figure = (value: number | null | undefined): string =>
  typeof value === 'number' ? String(Number(value.toPrecision(6))) : 'undefined';

/**
 * Whether a candidate may be deployed, by its threshold and by the live model on the same rows. Pure. A metric that is not defined for the
 * candidate never passes a gate; one that is not defined for the live model leaves the threshold alone to decide.
 */
export function judge({ metric, gate }: Wanted, evaluation: Evaluation): GateVerdict {
  if (!gate) return { passed: true, reasons: ['no gate is set'] };
  const value = evaluation.candidate.metrics[metric];
  if (typeof value !== 'number') {
    return {
      passed: false,
      reasons: [`${metric} is not defined for the candidate on these rows, which passes no gate`],
    };
  }
  const checks = [threshold(metric, gate, value), comparison(metric, gate.noWorseThanLive, value, evaluation)];
  const made = checks.filter((check) => check !== undefined);
  const failed = made.filter(({ passed }) => !passed);
  return {
    passed: failed.length === 0,
    reasons: (failed.length > 0 ? failed : made).map(({ reason }) => reason),
  };
}

interface Check {
  readonly passed: boolean;
  readonly reason: string;
}

function threshold(metric: MetricName, { max, min }: NonNullable<Wanted['gate']>, value: number): Check | undefined {
  const limit = METRICS[metric].better === 'lower' ? max : min;
  if (limit === undefined) return undefined;
  const word = METRICS[metric].better === 'lower' ? 'above' : 'below';
  const passed = word === 'above' ? value <= limit : value >= limit;
  return { passed, reason: `${metric} ${figure(value)} is ${passed ? 'not ' : ''}${word} ${limit}` };
}

/** The tolerance is a share of the live model's own value, whatever its sign. */
function comparison(
  metric: MetricName,
  tolerance: number | undefined,
  value: number,
  { live, notCompared }: Evaluation,
): Check | undefined {
  if (tolerance === undefined) return undefined;
  if (!live) return { passed: true, reason: `not compared: ${notCompared ?? 'no model is live'}` };
  const standard = live.metrics[metric];
  if (typeof standard !== 'number') {
    return { passed: true, reason: `not compared: ${metric} is not defined for the live model on these rows` };
  }
  const lower = METRICS[metric].better === 'lower';
  const slack = tolerance * Math.abs(standard);
  const passed = lower ? value <= standard + slack : value >= standard - slack;
  return {
    passed,
    reason: `${metric} ${figure(value)} is ${passed ? 'no worse' : 'worse'} than the live model's ${figure(standard)} ${passed ? 'plus' : 'by more than'} the tolerance of ${Number((tolerance * 100).toPrecision(6))} %`,
  };
}
