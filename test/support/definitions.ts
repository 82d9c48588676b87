import { definitionSchema, type Definition, type DefinitionInput } from '../../contracts/definition/index.js';

/** A small valid definition; sections given replace the example's. */
export function exampleDefinition(overrides: Partial<DefinitionInput> = {}): Definition {
  return definitionSchema.parse({
    name: 'example',
    role: 'arn:aws:iam::000000000000:role/sagemaker',
    data: { bucket: 'example-bucket', window: 'P30D' },
    training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
    waiting: { poll: '60s' },
    notify: { slack: { channel: '#models', tokenParameter: '/slack/token' } },
    ...overrides,
  });
}
