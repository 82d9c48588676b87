import { z } from 'zod';
import { endpoint } from './endpoint.js';
import { checkHoldout, evaluation } from './evaluation.js';
import { checkFileSystems } from './file-systems.js';
import { fixedSpan, name } from './fields.js';
import { checkPrepare, prepare } from './prepare.js';
import { checkRetention, withRetention } from './retention.js';
import { data, encryption, network } from './sections.js';
import { training } from './training.js';
import { named, transforms } from './transforms.js';
import { triggers } from './triggers.js';

/** A model definition: one YAML file a model. Unknown keys are errors. */
export const definitionSchema = z
  .strictObject({
    name: name('Name of the model.', 36).meta({ examples: ['my-model'] }),
    role: z
      .string()
      .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/, {
        error: 'must be the ARN of the SageMaker execution role: arn:aws:iam::<account>:role/<name>',
      })
      .describe('SageMaker execution role.')
      .meta({ examples: ['arn:aws:iam::123456789012:role/sagemaker-execution'] }),
    triggers: triggers.default({}),
    data,
    prepare: prepare.optional(),
    training,
    network: network.optional(),
    encryption: encryption.prefault({}),
    evaluation: evaluation.optional(),
    endpoint: endpoint.prefault({}),
    transforms,
    waiting: z
      .strictObject({ poll: fixedSpan('Longest time between two looks at a running job.', '1s', '1h').default('60s') })
      .prefault({})
      .describe('How runs wait.'),
    notify: z
      .strictObject({
        slack: z
          .strictObject({
            channel: z
              .string()
              .min(1)
              .describe('Channel id or #name.')
              .meta({ examples: ['C0123456789'] }),
            tokenParameter: z
              .string()
              .regex(/^\/[a-zA-Z0-9_.\-/]+$/, {
                error: 'must name an SSM SecureString that holds the bot token: never the token itself',
              })
              .describe('SSM SecureString with the bot token.')
              .meta({ examples: ['/perennial/slack-token'] }),
          })
          .describe('Slack: one thread a run.')
          .optional(),
      })
      .prefault({})
      .describe('Whom to tell.'),
  })
  .superRefine(
    (value, ctx) => {
      for (const check of [checkHoldout, checkFileSystems, checkRetention, checkPrepare])
        check(value, (path, message) => ctx.addIssue({ code: 'custom', path, message }));
    },
    { when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value) },
  )
  .transform((value) => ({
    ...value,
    data: {
      ...withRetention(value.data),
      prefix: value.data.prefix ?? `data/${value.name}/train/`,
      output: value.data.output ?? `models/${value.name}/`,
      parameter: value.data.parameter ?? `/models/${value.name}/train/latest`,
    },
    endpoint: { ...value.endpoint, name: value.endpoint.name ?? value.name },
    transforms: named(value.transforms),
  }));

/** A definition as people write it. */
export type DefinitionInput = z.input<typeof definitionSchema>;
/** A definition with every default filled in: what workflows and activities see. */
export type Definition = z.output<typeof definitionSchema>;

/** JSON Schema (2020-12) of a definition file, for editors. */
export function definitionJsonSchema(): object {
  return z.toJSONSchema(definitionSchema, { io: 'input', unrepresentable: 'any' });
}
