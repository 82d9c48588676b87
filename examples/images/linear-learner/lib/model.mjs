/** The model artefact: one JSON file in /opt/ml/model. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserFault } from './container.mjs';
import { logistic } from './fit.mjs';

const fileName = 'model.json';

/**
 * Writes the model, whole or not at all.
 *
 * @param {{ coefficients: number[], intercept: number, means: number[], scales: number[] }} fitted
 * @returns {Promise<string>} the model's id: the training job's name, or without one a hash of the content
 */
export async function saveModel(container, predictorType, fitted) {
  const content = { format: 1, predictorType, featureDim: fitted.means.length, ...fitted };
  const hash = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const id = container.jobName ?? hash.slice(0, 16);
  await mkdir(container.model, { recursive: true });
  const partial = join(container.model, `.${fileName}`);
  await writeFile(partial, `${JSON.stringify({ id, ...content }, null, 2)}\n`);
  await rename(partial, join(container.model, fileName));
  return id;
}

/**
 * Reads the model of /opt/ml/model.
 *
 * @throws {UserFault} when it isn't there or isn't one that this image wrote
 */
export async function loadModel(container) {
  const path = join(container.model, fileName);
  let model;
  try {
    model = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new UserFault(`No usable model at ${path}: ${error.message}. It must be the artefact of this image's train`, {
      cause: error,
    });
  }
  const numbers = [model.coefficients, model.means, model.scales];
  const whole = numbers.every((list) => Array.isArray(list) && list.length === model.featureDim);
  if (model.format !== 1 || !whole) {
    throw new UserFault(`The model at ${path} is not of this image: format ${model.format}, expected 1`);
  }
  return model;
}

/**
 * Scores one row.
 *
 * @param {number[]} row featureDim numbers
 * @returns {number} the label's estimate, or for a classifier the probability of label 1
 */
export function score(model, row) {
  const { coefficients, means, scales } = model;
  const sum = row.reduce(
    (total, value, j) => total + (coefficients[j] * (value - means[j])) / scales[j],
    model.intercept,
  );
  return model.predictorType === 'binary_classifier' ? logistic(sum) : sum;
}
