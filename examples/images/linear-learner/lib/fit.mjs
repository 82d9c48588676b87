/** Fits the two predictor types. Features are centred and, unless told otherwise, scaled to unit deviation first. */
import { leastSquares } from './algebra.mjs';
import { UserFault } from './container.mjs';

/**
 * Ordinary, ridge or lasso regression. The penalties act on normalised coefficients, never on the intercept.
 *
 * @param {{ labels: number[], features: number[][] }} data
 * @returns {{ coefficients: number[], intercept: number, means: number[], scales: number[] }} score = intercept +
 *   Σ coefficients·(feature − mean)/scale, in the label's own unit
 */
export function fitRegressor(data, { l1, l2, normalizeData, normalizeLabel }) {
  const { means, scales, rows } = normalise(data.features, normalizeData);
  const label = moments(data.labels);
  const unit = normalizeLabel ? label.deviation || 1 : 1;
  const target = data.labels.map((value) => (value - label.mean) / unit);
  const solved = leastSquares(rows, target, { l1: means.map(() => l1), l2: means.map(() => l2) });
  return checked({ coefficients: solved.map((value) => value * unit), intercept: label.mean, means, scales });
}

/**
 * Logistic regression by iteratively reweighted least squares, with halved steps where the loss would rise.
 *
 * @param {(step: number, model: object) => void} onStep called after each step, for the log
 * @returns as fitRegressor; the score is the logistic function of the sum
 * @throws {UserFault} when only one class is there
 */
export function fitClassifier(data, { l1, l2, normalizeData, maxSteps }, onStep) {
  if (data.labels.every((label) => label === data.labels[0])) {
    throw new UserFault(`Every label of channel train is ${data.labels[0]}: a binary_classifier needs both 0 and 1`);
  }
  const { means, scales, rows } = normalise(data.features, normalizeData);
  const design = rows.map((row) => [1, ...row]);
  const penalties = { l1: [0, ...means.map(() => l1)], l2: [0, ...means.map(() => l2)] };
  const toModel = ([intercept, ...coefficients]) => ({ coefficients, intercept, means, scales });
  let beta = [0, ...means.map(() => 0)];
  let loss = penalisedLoss(design, data.labels, beta, penalties);
  for (let step = 0; step < maxSteps; step += 1) {
    const aim = newtonAim(design, data.labels, beta, penalties);
    let next = aim;
    let nextLoss = penalisedLoss(design, data.labels, next, penalties);
    for (let halving = 0; nextLoss > loss && halving < 30; halving += 1) {
      next = next.map((value, j) => (value + beta[j]) / 2);
      nextLoss = penalisedLoss(design, data.labels, next, penalties);
    }
    if (!(nextLoss <= loss)) break;
    const gain = loss - nextLoss;
    beta = next;
    loss = nextLoss;
    onStep(step, toModel(beta));
    // Classes that a plane separates have no largest likelihood: the loss goes to 0 while the coefficients grow.
    if (gain <= 1e-14 * (1 + loss) || loss < 1e-8) break;
  }
  return checked(toModel(beta));
}

/** The logistic function, without overflow on either side. */
export function logistic(z) {
  return z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z));
}

function newtonAim(design, labels, beta, penalties) {
  const rows = [];
  const target = [];
  design.forEach((row, i) => {
    const z = dot(row, beta);
    const p = logistic(z);
    const weight = Math.max(p * (1 - p), 1e-10);
    const root = Math.sqrt(weight);
    rows.push(row.map((value) => value * root));
    target.push(root * (z + (labels[i] - p) / weight));
  });
  return leastSquares(rows, target, penalties);
}

function penalisedLoss(design, labels, beta, { l1, l2 }) {
  // log(1 + eᶻ) − y·z, written so that neither sign of z overflows.
  const sum = design.reduce((total, row, i) => {
    const z = dot(row, beta);
    return total + Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - labels[i] * z;
  }, 0);
  return beta.reduce(
    (total, value, j) => total + l1[j] * Math.abs(value) + (l2[j] / 2) * value ** 2,
    sum / labels.length,
  );
}

function normalise(features, scale) {
  const columns = features[0].map((_, j) => moments(features.map((row) => row[j])));
  const means = columns.map((column) => column.mean);
  // A column that never changes carries nothing: scale 1 keeps it at 0 after centring.
  const scales = columns.map((column) =>
    scale && column.deviation > 1e-12 * Math.abs(column.mean) ? column.deviation : 1,
  );
  const rows = features.map((row) => row.map((value, j) => (value - means[j]) / scales[j]));
  return { means, scales, rows };
}

function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

function checked(model) {
  if ([model.intercept, ...model.coefficients].every(Number.isFinite)) return model;
  throw new UserFault('Training ended without finite coefficients: the values of channel train are too large to fit');
}

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
