import { z } from 'zod';
import { METRICS, METRIC_NAMES, type MetricName } from '../metrics.js';
import { fixedSpan, instanceType, name } from './fields.js';

const metric = z.enum(METRIC_NAMES, { error: `must be one of ${METRIC_NAMES.join(', ')}` });

const gate = z
  .strictObject({
    max: z
      .number()
      .describe('The metric may not be above this; for metrics that are better the lower.')
      .meta({ examples: [0.25] })
      .optional(),
    min: z
      .number()
      .describe('The metric may not be below this; for metrics that are better the higher.')
      .meta({ examples: [0.8] })
      .optional(),
    noWorseThanLive: z
      .number()
      .min(0)
      .max(10)
      .describe("By what share of the live model's own value the candidate may be worse on the same rows; 0.02 is 2 %.")
      .meta({ examples: [0.02] })
      .optional(),
  })
  .describe('What a candidate must reach to be deployed.');

/** How a candidate is judged before users meet it. */
export const evaluation = z
  .strictObject({
    metric: metric.describe('The metric that decides.').meta({ examples: ['mdape'] }),
    metrics: z.array(metric).default([]).describe('Further metrics to show beside it.'),
    holdout: fixedSpan('Days up to the newest dated object that are kept from training and judged on.', '1d', '3650d')
      .meta({ examples: ['P30D'] })
      .optional(),
    channel: name('Channel to judge on, in place of holdout: the sibling of the prefix that bears its name.', 64)
      .meta({ examples: ['test'] })
      .optional(),
    gate: gate.optional(),
    approval: z
      .enum(['none', 'required'], { error: 'must be none or required' })
      .default('none')
      .describe('Whether a person must agree before a candidate that passed the gate is deployed.'),
    approvalTimeout: fixedSpan('How long the run waits for that person; then it is rejected.', '1m', '365d').default(
      '7d',
    ),
    answers: z
      .enum(['csv', 'jsonlines'], { error: 'must be csv or jsonlines' })
      .describe('What the model answers: one CSV row, or one JSON document, a row. By default that of the algorithm.')
      .optional(),
    instanceType: instanceType('Instance type of the transform jobs.').default('ml.m5.large'),
    count: z.int().min(1).max(100).default(1).describe('Number of instances.'),
    maxWait: fixedSpan('How long the transform jobs may take before the run fails.', '5m', '28d').default('1d'),
    keep: z.boolean().default(false).describe("Keep the predictions and a rejected candidate's SageMaker model."),
  })
  .describe('How a candidate is judged before it is deployed.')
  .meta({ examples: [{ metric: 'mdape', holdout: 'P30D', gate: { max: 0.25, noWorseThanLive: 0.02 } }] })
  .superRefine((value, ctx) => crossCheck(value, (path, message) => ctx.addIssue({ code: 'custom', path, message })), {
    // Also beside other faults, so that one message has them all.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  });

/** What one key alone can't say. Values of other types than the schema's may be there: their own faults name those. */
function crossCheck(value: Record<string, unknown>, fault: (path: string[], message: string) => void): void {
  if (value['holdout'] === undefined && value['channel'] === undefined)
    fault([], 'must say which rows to judge on: holdout or channel');
  if (value['holdout'] !== undefined && value['channel'] !== undefined)
    fault(['channel'], 'must not stand beside holdout: give one of the two');
  if (value['channel'] === 'train')
    fault(['channel'], 'must not be train: a model is not judged on what it was trained on');
  const decides = value['metric'] as MetricName;
  const limits = value['gate'];
  if (!(decides in METRICS) || typeof limits !== 'object' || limits === null) return;
  const [wrong, right] = METRICS[decides].better === 'lower' ? (['min', 'max'] as const) : (['max', 'min'] as const);
  if (wrong in limits)
    fault(['gate', wrong], `must be ${right} for ${decides}, which is the better the ${METRICS[decides].better}`);
}

/**
 * What evaluation and data say together: a model is judged on rows that it was not trained on, in a form whose first column is the label.
 * Values of other types than the schema's may be there: their own faults name those.
 */
export function checkHoldout(
  value: Record<string, unknown>,
  fault: (path: (string | number)[], message: string) => void,
): void {
  const judged = value['evaluation'] as Record<string, unknown> | null | undefined;
  const data = value['data'] as Record<string, unknown> | null | undefined;
  if (typeof judged !== 'object' || judged === null) return;
  if (judged['channel'] === 'holdout')
    fault(
      ['evaluation', 'channel'],
      'must not be holdout: records call by that name what evaluation.holdout keeps from training',
    );
  const channels = Array.isArray(data?.['channels']) ? (data['channels'] as unknown[]) : [];
  channels.forEach((channel, index) => {
    if (channel === judged['channel'] && channel !== undefined)
      fault(
        ['data', 'channels', index],
        `must not be evaluation.channel: a model is not judged on what it was trained with`,
      );
    else if (channel === 'holdout')
      fault(
        ['data', 'channels', index],
        'must not be holdout: records call by that name what evaluation.holdout keeps from training',
      );
  });
  const contentType = data?.['contentType'];
  if (typeof contentType === 'string' && !/^text\/csv\s*(;|$)/i.test(contentType))
    fault(['data', 'contentType'], 'must be text/csv for an evaluation: the label is the first column of a row');
}
