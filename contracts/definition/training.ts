import { z } from 'zod';
import { parseSpan } from '../duration.js';
import { fixedSpan, instanceType, scalar } from './fields.js';

export const training = z
  .strictObject({
    algorithm: z
      .enum(['linear-learner', 'xgboost'], {
        error: 'must be linear-learner or xgboost; any other image goes into training.image',
      })
      .describe('A built-in algorithm by name.')
      .optional(),
    image: z
      .string()
      .regex(/^[a-zA-Z0-9][\w.\-/:@]*$/, {
        error: 'must be an image URI: <account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>',
      })
      .describe('Image URI, in place of algorithm.')
      .optional(),
    hyperparameters: z.record(z.string().max(256), scalar).default({}).describe('Passed to the algorithm as strings.'),
    instances: z
      .array(instanceType('Instance type.'))
      .min(1, { error: 'must name at least one instance type' })
      .max(10, { error: 'must have at most 10 instance types' })
      .default(['ml.m5.large'])
      .describe('Instance types in order of preference; the next is tried when one has no capacity.'),
    count: z.int().min(1).max(100).default(1).describe('Number of instances.'),
    volumeGiB: z.int().min(1).max(16384).default(50).describe('Volume size in GiB.'),
    maxRuntime: fixedSpan('Longest run of the training job; SageMaker allows 28 days.', '1m', '28d').default('1d'),
    spot: z
      .strictObject({
        maxWait: fixedSpan('Longest wait for spot capacity plus run time.', '1m', '28d').meta({ examples: ['2d'] }),
      })
      .describe('Use managed spot training.')
      .optional(),
    metrics: z
      .array(
        z.strictObject({
          name: z
            .string()
            .min(1)
            .max(255)
            .describe('Name of the metric.')
            .meta({ examples: ['validation:rmse'] }),
          regex: z
            .string()
            .min(1)
            .max(500, { error: "must have at most 500 characters, SageMaker's limit" })
            .describe('Regular expression whose first group is the value.')
            .meta({ examples: ['rmse=([0-9.]+)'] }),
        }),
      )
      .max(40, { error: "must have at most 40 entries, SageMaker's limit" })
      .default([])
      .describe('Metric definitions: regular expressions over the log, for own images.'),
    environment: z
      .record(z.string(), z.string())
      .refine((variables) => Object.keys(variables).length <= 100, {
        error: "must have at most 100 entries, SageMaker's limit",
      })
      .default({})
      .describe('Environment variables of the container. No secrets: they stand in the history of the run.'),
    tags: z
      .record(z.string().min(1).max(128), z.string().max(256))
      .refine((tags) => Object.keys(tags).length <= 45, {
        error: 'must have at most 45 entries: SageMaker takes 50, and a run adds its own',
      })
      .default({})
      .describe('Tags on everything a run makes.'),
  })
  .describe('What to train, and on what.')
  .meta({ examples: [{ algorithm: 'linear-learner' }] })
  .superRefine((value, ctx) => crossCheck(value, (path, message) => ctx.addIssue({ code: 'custom', path, message })), {
    // Also beside other faults, so that one message has them all.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  });

/** What one key alone can't say. Values of other types than the schema's may be there: their own faults name those. */
function crossCheck(value: Record<string, unknown>, fault: (path: string[], message: string) => void): void {
  if (value['algorithm'] === undefined && value['image'] === undefined)
    fault([], 'must say what to train: algorithm or image');
  if (value['algorithm'] !== undefined && value['image'] !== undefined)
    fault(['image'], 'must not stand beside algorithm: give one of the two');

  const metrics = value['metrics'];
  if (value['algorithm'] !== undefined && Array.isArray(metrics) && metrics.length > 0)
    fault(
      ['metrics'],
      'must not be given for a built-in algorithm: SageMaker has definitions of its own and refuses others',
    );

  const spot = value['spot'] as { maxWait?: unknown } | null | undefined;
  const [wait, run] = [spot?.maxWait, value['maxRuntime']].map((one) =>
    typeof one === 'string' ? parseSpan(one)?.ms : undefined,
  );
  if (wait !== undefined && run !== undefined && wait < run)
    fault(['spot', 'maxWait'], `must be at least training.maxRuntime, ${String(value['maxRuntime'])}`);

  if (typeof value['hyperparameters'] !== 'object' || value['hyperparameters'] === null) return;
  const hyperparameters = Object.entries(value['hyperparameters']);
  if (hyperparameters.length > 100) fault(['hyperparameters'], "must have at most 100 entries, SageMaker's limit");
  for (const [key, hyperparameter] of hyperparameters) {
    if (String(hyperparameter).length > 2500)
      fault(['hyperparameters', key], "must have at most 2500 characters, SageMaker's limit");
  }
}
