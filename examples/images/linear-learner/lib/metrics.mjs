/** How good a model is on a channel, under the names SageMaker's linear-learner logs. */
import { score } from './model.mjs';

/**
 * @param {object} model with predictorType, as saved
 * @param {{ labels: number[], features: number[][] }} data
 * @returns {{ name: string, kind: 'loss' | 'score', value: number }[]} the first is the training objective
 */
export function measure(model, data) {
  const scores = data.features.map((row) => score(model, row));
  return model.predictorType === 'regressor' ? regression(scores, data.labels) : classification(scores, data.labels);
}

function regression(scores, labels) {
  const errors = scores.map((value, i) => value - labels[i]);
  const mse = mean(errors.map((error) => error ** 2));
  const average = mean(labels);
  const variance = mean(labels.map((label) => (label - average) ** 2));
  return [
    loss('mse_objective', mse),
    loss('mse', mse),
    loss('rmse', Math.sqrt(mse)),
    loss('absolute_loss', mean(errors.map(Math.abs))),
    // Undefined for a constant label: left out, where a number would mislead.
    ...(variance > 0 ? [quality('r2', 1 - mse / variance)] : []),
  ];
}

function classification(scores, labels) {
  const entropy = mean(scores.map((p, i) => -Math.log(Math.max(labels[i] === 1 ? p : 1 - p, 1e-15))));
  const count = (predicted, label) => scores.filter((p, i) => p >= 0.5 === predicted && labels[i] === label).length;
  const [truePositive, falsePositive, falseNegative] = [count(true, 1), count(true, 0), count(false, 1)];
  const ratio = (part, whole) => (whole === 0 ? 0 : part / whole);
  return [
    loss('binary_classification_cross_entropy_objective', entropy),
    quality('binary_classification_accuracy', 1 - (falsePositive + falseNegative) / labels.length),
    quality('binary_f_1.000', ratio(2 * truePositive, 2 * truePositive + falsePositive + falseNegative)),
    quality('precision', ratio(truePositive, truePositive + falsePositive)),
    quality('recall', ratio(truePositive, truePositive + falseNegative)),
  ];
}

const loss = (name, value) => ({ name, kind: 'loss', value });
const quality = (name, value) => ({ name, kind: 'score', value });
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
