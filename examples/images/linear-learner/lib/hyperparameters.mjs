/**
 * The hyperparameters of SageMaker's linear-learner, by what this image does with them. It solves exactly instead of
 * descending, so what only steers the descent is accepted without effect, and what would change the result is refused:
 * a setting that is silently ignored would give another model here than on AWS.
 */
import { closest } from 'fastest-levenshtein';
import { UserFault } from './container.mjs';

const positiveInteger = (text) => (/^[1-9]\d*$/.test(text) ? Number(text) : undefined);
const number = (least, open) => (text) => {
  const value = text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(value) && (open ? value > least : value >= least) ? value : undefined;
};
const flag = (text) => ({ true: true, false: false })[text.toLowerCase()];
const oneOf =
  (...values) =>
  (text) =>
    values.includes(text) ? text : undefined;
/** `auto` leaves the choice to the algorithm, as the real one's default does. */
const orAuto = (parse, automatic) => (text) => (text === 'auto' ? automatic : parse(text));

const used = {
  predictor_type: { parse: oneOf('regressor', 'binary_classifier'), want: 'regressor or binary_classifier' },
  feature_dim: { parse: orAuto(positiveInteger, null), want: 'a whole number of at least 1, or auto' },
  mini_batch_size: { parse: positiveInteger, want: 'a whole number of at least 1' },
  epochs: { parse: positiveInteger, want: 'a whole number of at least 1' },
  learning_rate: { parse: orAuto(number(0, true), null), want: 'a number above 0, or auto' },
  l1: { parse: orAuto(number(0, false), 0), want: 'a number of at least 0, or auto' },
  wd: { parse: orAuto(number(0, false), 0), want: 'a number of at least 0, or auto' },
  normalize_data: { parse: orAuto(flag, true), want: 'true, false or auto' },
  normalize_label: { parse: orAuto(flag, null), want: 'true, false or auto' },
};

const withoutEffect = [
  ...['beta_1', 'beta_2', 'bias_lr_mult', 'early_stopping_patience', 'early_stopping_tolerance', 'init_bias'],
  ...['init_method', 'init_scale', 'init_sigma', 'lr_scheduler_factor', 'lr_scheduler_minimum_lr'],
  ...['lr_scheduler_step', 'momentum', 'num_calibration_samples', 'num_models', 'num_point_for_scaler', 'optimizer'],
  'use_lr_scheduler',
];

const notImitated = [
  ...['accuracy_top_k', 'balance_multiclass_weights', 'bias_wd_mult', 'binary_classifier_model_selection_criteria'],
  ...['f_beta', 'huber_delta', 'loss', 'loss_insensitivity', 'margin', 'num_classes', 'positive_example_weight_mult'],
  ...['quantile', 'target_precision', 'target_recall', 'unbias_data', 'unbias_label', 'use_bias'],
];

/**
 * Checks the job's hyperparameters, all strings as SageMaker hands them over.
 *
 * @param {Record<string, string>} given the content of hyperparameters.json
 * @returns {{ predictorType: 'regressor' | 'binary_classifier', featureDim: number | null, maxSteps: number,
 *   l1: number, l2: number, normalizeData: boolean, normalizeLabel: boolean, ignored: string[] }}
 * @throws {UserFault} one message with every fault
 */
export function parseHyperparameters(given) {
  const faults = [];
  const value = {};
  const ignored = [];
  for (const [name, text] of Object.entries(given)) {
    if (name in used) {
      value[name] = used[name].parse(String(text));
      if (value[name] === undefined) faults.push(`${name} is '${text}': it must be ${used[name].want}`);
    } else if (withoutEffect.includes(name)) {
      ignored.push(name);
    } else if (notImitated.includes(name)) {
      faults.push(`${name} is a hyperparameter of SageMaker's linear-learner that this image does not have: remove it`);
    } else {
      const known = [...Object.keys(used), ...withoutEffect];
      faults.push(`unknown hyperparameter ${name}: did you mean ${closest(name, known)}?`);
    }
  }
  if (!('predictor_type' in given)) faults.push('predictor_type is required: regressor or binary_classifier');
  const regressor = value.predictor_type === 'regressor';
  if (value.normalize_label === true && value.predictor_type === 'binary_classifier') {
    faults.push('normalize_label is true: only a regressor has a label to normalise');
  }
  if (faults.length > 0) throw new UserFault(`Bad hyperparameters: ${faults.join('; ')}`);
  return {
    predictorType: value.predictor_type,
    featureDim: value.feature_dim ?? null,
    maxSteps: value.epochs ?? 100,
    l1: value.l1 ?? 0,
    l2: value.wd ?? 0,
    normalizeData: value.normalize_data ?? true,
    normalizeLabel: value.normalize_label ?? regressor,
    ignored: [...ignored, ...['mini_batch_size', 'learning_rate'].filter((name) => name in given)],
  };
}
