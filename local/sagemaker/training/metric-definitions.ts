import type { AlgorithmSpecification, MetricDefinition } from '@aws-sdk/client-sagemaker';
import { repositoryName } from '../images.js';
import { hasOwnMetrics } from './metrics.js';

const OF_EVERY_CHANNEL = {
  absolute_loss: 'absolute_loss <loss>',
  binary_classification_accuracy: 'binary_classification_accuracy <score>',
  binary_f_beta: 'binary_f_\\S+ <score>',
  mse: 'mse <loss>',
  precision: 'precision <score>',
  recall: 'recall <score>',
} as const;

const OF_HELD_OUT_CHANNELS = {
  ...OF_EVERY_CHANNEL,
  dcg: 'dcg <score>',
  macro_f_beta: 'macro_f_\\S+ <score>',
  macro_precision: 'macro_precision <score>',
  macro_recall: 'macro_recall <score>',
  multiclass_accuracy: 'multiclass_accuracy <score>',
  multiclass_top_k_accuracy: 'multiclass_top_k_accuracy_\\S+ <score>',
} as const;

/** What SageMaker lists for linear-learner, whose log lines end in `<loss>=1.5` or `<score>=0.9`. */
const LINEAR_LEARNER: readonly MetricDefinition[] = [
  { Name: 'train:progress', Regex: '#progress_metric: host=\\S+, completed (\\S+) %' },
  { Name: 'train:throughput', Regex: '#throughput_metric: host=\\S+, train throughput=(\\S+) records/second' },
  ...['train', 'validation'].flatMap((channel) => [
    quality(channel, 'objective_loss', '\\S+_objective <loss>', 'epoch=\\S+, '),
    quality(channel, 'objective_loss:final', '\\S+_objective <loss>'),
  ]),
  quality('test', 'objective_loss', '\\S+_objective <loss>'),
  ...Object.entries(OF_EVERY_CHANNEL).map(([name, logged]) => quality('train', name, logged)),
  ...['validation', 'test'].flatMap((channel) =>
    Object.entries(OF_HELD_OUT_CHANNELS).map(([name, logged]) => quality(channel, name, logged)),
  ),
];

/** What XGBoost itself can log. */
const XGBOOST_METRICS =
  'auc aucpr error gamma-deviance gamma-nloglik cox-nloglik logloss mae map mape merror mlogloss mphe ndcg poisson-nloglik rmse rmsle tweedie-nloglik';

/** SageMaker's expressions for XGBoost, with #011 for the log's tab, as its public container has them. */
const XGBOOST: readonly MetricDefinition[] = ['train', 'validation'].flatMap((channel) =>
  XGBOOST_METRICS.split(' ').map((name) => ({
    Name: `${channel}:${name}`,
    Regex: `.*\\[[0-9]+\\].*#011${channel}-${name}:(\\S+)`,
  })),
);

function quality(channel: string, name: string, logged: string, epoch = ''): MetricDefinition {
  return { Name: `${channel}:${name}`, Regex: `#quality_metric: host=\\S+, ${epoch}${channel} ${logged}=(\\S+)` };
}

/** DescribeTrainingJob shows the metrics of built-in algorithms, which requests may not define. */
export function withMetricDefinitions(
  algorithm: AlgorithmSpecification | undefined,
): AlgorithmSpecification | undefined {
  if (!algorithm?.TrainingImage) return algorithm;
  // The image also runs scripts of users, who then define metrics of their own.
  if (repositoryName(algorithm.TrainingImage) === 'sagemaker-xgboost' && !algorithm.MetricDefinitions?.length) {
    return { ...algorithm, MetricDefinitions: [...XGBOOST] };
  }
  if (!hasOwnMetrics(algorithm.TrainingImage)) return algorithm;
  return { ...algorithm, MetricDefinitions: [...LINEAR_LEARNER] };
}
