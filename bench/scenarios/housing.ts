import { linesOf, priceOf } from '../../examples/walk/rows.js';
import { housingReference } from '../../examples/housing/reference.js';
import { walkThrough } from '../../examples/housing/walk-through.js';
import { round } from '../support/figures.js';
import { withStack } from '../support/stack.js';
import type { BenchContext, Measured, Scenario } from '../scenario.js';

const MOST_PERCENT = 10;
/** Evaluation and batch transform answer the same rows by the same model, and differ by the order of sums at most. */
const SAME = 1e-9;

export const housing: Scenario = {
  name: 'housing',
  what: "by how much the MdAPE of the housing walk-through's run differs from that of the xgboost package alone on the same split",
  unit: '%',
  limit: MOST_PERCENT,
  bound: 'at most',
  measure,
};

async function measure(context: BenchContext): Promise<Measured> {
  const { say, signal } = context;
  const seen = await withStack(context, ({ env }) => walkThrough({ env, say, signal }));
  const { run, transform, uploaded, keys, keyArn, withoutKey, endpointGone } = seen;
  say('training with the xgboost package alone …');
  const reference = await housingReference(seen.split, seen.definition.training, say, signal);
  const mdape = Number(run.evaluation.candidate.metrics.mdape ?? Number.NaN);
  const percent = Math.abs(mdape / reference.mdape - 1) * 100;
  const agree = Math.abs(transform.mdape - mdape) <= SAME;
  const { predictions, ...transformed } = transform;
  const prices = linesOf(seen.split.test).map(priceOf);
  return {
    figure: round(percent, 6),
    ok: percent <= MOST_PERCENT && agree && withoutKey.length === 0 && endpointGone,
    detail: {
      mdape,
      mdapeOfTransform: transform.mdape,
      mdapeOfReference: reference.mdape,
      ...{ agree, withoutKey, endpointGone, keyArn, keys, objects: uploaded.objects },
      ...{ evaluation: run.evaluation, run: run.run, historyEvents: run.historyEvents, transform: transformed },
      // In US dollars, one a test row, in the same order.
      ...{ prices, predictions, predictionsOfReference: reference.predictions, invoked: seen.invoked },
    },
  };
}
