import { z } from 'zod';
import { fixedSpan, instanceType, name } from './fields.js';
import { checkRelease, STRATEGIES } from './release.js';

const step = z
  .strictObject({
    percent: z
      .int()
      .min(1)
      .max(50, { error: "must be at most 50, SageMaker's limit" })
      .describe('Share of the new fleet: 1 to 50 for canary, 10 to 50 for linear.')
      .meta({ examples: [10] })
      .optional(),
    instances: z
      .int()
      .min(1)
      .max(50)
      .describe('Number of instances, at most half of count and for linear at least a tenth, in place of percent.')
      .optional(),
  })
  .describe('How much traffic moves at once: the canary, or each step of linear.')
  .meta({ examples: [{ percent: 10 }] });

const alarm = z
  .string()
  .max(255, { error: 'must have at most 255 characters' })
  .regex(/^(?!\s*$).+$/, { error: 'must be the name of a CloudWatch alarm' });

/** Where a model serves, and with how much care a new one takes the place of the old. */
export const endpoint = z
  .strictObject({
    name: name("Endpoint name; the model's name by default.", 63).optional(),
    instanceType: instanceType('Instance type of the endpoint.').default('ml.m5.large'),
    count: z.int().min(1).max(100).default(1).describe('Number of instances.'),
    variant: name('Production variant.', 63).default('prod'),
    strategy: z
      .enum(STRATEGIES, { error: `must be ${STRATEGIES.join(', ')}` })
      .default('all-at-once')
      .describe('How traffic moves to the new fleet: at once, a canary and then the rest, or in equal steps.'),
    step: step.optional(),
    bake: fixedSpan(
      'Pause after each step, the last one too, in which the alarms are watched; 5m by default for canary, linear and with alarms.',
      '0s',
      '1h',
    )
      .meta({ examples: ['5m'] })
      .optional(),
    terminationWait: fixedSpan('How long the old fleet is kept after that, without traffic.', '0s', '1h').optional(),
    alarms: z
      .array(alarm)
      .max(10, { error: "must have at most 10 entries, SageMaker's limit" })
      .default([])
      .describe('CloudWatch alarms that take a release back when one is in ALARM.')
      .meta({ examples: [['my-model-5xx']] }),
    startupTimeout: fixedSpan('How long a container may take to answer /ping.', '1m', '1h').default('8m'),
    maxWait: fixedSpan('How long a deployment may take before the run fails.', '5m', '1d').default('1h'),
    smokeTest: z
      .union([
        z.boolean(),
        z.strictObject({
          contentType: z.string().min(1).default('text/csv').describe('ContentType of the request.'),
          body: z
            .string()
            .min(1)
            .max(65_536)
            .describe('What to send.')
            .meta({ examples: ['1.0,2.0'] }),
        }),
      ])
      .default(true)
      .describe(
        'Invoke the endpoint before calling it deployed: true sends the newest training row without its label.',
      ),
    keep: z.int().min(1).max(100).default(3).describe('How many old endpoint configs and models to keep.'),
  })
  .describe('Where the model serves.')
  .superRefine(
    (value, ctx) => checkRelease(value, (path, message) => ctx.addIssue({ code: 'custom', path, message })),
    {
      // Also beside other faults, so that one message has them all.
      when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
    },
  );
