import { repositoryName } from '../images.js';
import { now } from '../time.js';
import type { FinalMetric, TrainingRequest } from './types.js';

interface Pattern {
  readonly regex: RegExp;
  /** Name and value of a match. */
  readonly read: (match: RegExpExecArray) => readonly { name: string; value: string | undefined }[];
}

/** Built-in algorithms log in their own form, and AWS knows it: users define no metrics for them. */
const BUILT_IN: Readonly<Record<string, Pattern>> = {
  // #quality_metric: host=algo-1, epoch=3, validation mse <loss>=13.7
  'linear-learner': {
    regex: /#quality_metric: host=\S+, (?:\w+=\d+,? )*(\w+) (\S+) <\w+>=(\S+)/,
    read: ([, channel, metric, value]) => [{ name: `${channel}:${metric}`, value }],
  },
  // [7]\ttrain-rmse:1.2\tvalidation-rmse:3.4
  'sagemaker-xgboost': {
    regex: /^.*?\[\d+\](?:\t|#011)((?:\w+-[\w@.-]+:\S+\s*)+)$/,
    read: ([, pairs]) =>
      [...(pairs ?? '').replaceAll('#011', '\t').matchAll(/(\w+)-([\w@.-]+):(\S+)/g)].map(
        ([, channel, metric, value]) => ({
          name: `${channel}:${metric}`,
          value,
        }),
      ),
  },
};

/** True for images whose metric definitions AWS does not let users override. */
export function hasOwnMetrics(image: string): boolean {
  return repositoryName(image) === 'linear-learner' && /^\d{12}\.dkr\.ecr\./.test(image);
}

/** Reads metrics off a job's output; holds the last value of each. */
export interface MetricReader {
  line(text: string): void;
  /** FinalMetricDataList, in order of first appearance. */
  final(): FinalMetric[];
}

export function createMetricReader(request: TrainingRequest): MetricReader {
  const algorithm = request.AlgorithmSpecification;
  const builtIn = BUILT_IN[repositoryName(algorithm?.TrainingImage ?? '')];
  const patterns: Pattern[] = (algorithm?.MetricDefinitions ?? []).map(({ Name, Regex }) => ({
    regex: new RegExp(String(Regex)),
    read: (match) => [{ name: String(Name), value: match[1] ?? match[0] }],
  }));
  if (builtIn) patterns.push(builtIn);
  const last = new Map<string, FinalMetric>();

  return {
    line(text) {
      // CloudWatch shows a tab as #011, and published expressions are written against that.
      const match = (regex: RegExp): RegExpExecArray | null =>
        regex.exec(text) ?? (text.includes('\t') ? regex.exec(text.replaceAll('\t', '#011')) : null);
      for (const { regex, read } of patterns) {
        const found = match(regex);
        for (const { name, value } of found ? read(found) : []) {
          const number = Number(value);
          if (value === undefined || value === '' || !Number.isFinite(number)) continue;
          last.set(name, { MetricName: name, Value: number, Timestamp: now() });
        }
      }
    },
    final: () => [...last.values()],
  };
}
