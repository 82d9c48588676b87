import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { DefinitionInput } from '../../contracts/definition/index.js';
import { prepareAccount } from '../../examples/demo/account.js';
import { perennialOk } from '../../examples/demo/perennial.js';
import type { LocalStack } from '../../local/index.js';

export const BUCKET = 'perennial-bench';
export const KEY_ALIAS = 'alias/perennial-bench';
const TOKEN_PARAMETER = '/perennial-bench/slack-token';

/** A definition with everything on that a run pays for: encryption, Slack, the smoke test. */
export function benchDefinition(name: string): DefinitionInput {
  return {
    name,
    role: 'arn:aws:iam::000000000000:role/sagemaker-execution',
    data: { bucket: BUCKET, window: 'P20Y' },
    training: { algorithm: 'linear-learner', hyperparameters: { predictor_type: 'regressor' } },
    encryption: { key: KEY_ALIAS },
    waiting: { poll: '1s' },
    notify: { slack: { channel: '#ml-models', tokenParameter: TOKEN_PARAMETER } },
  };
}

export const trainPrefix = (name: string) => `data/${name}/train/`;

/** Makes what the definitions take for granted in the account. */
export async function prepareBenchAccount({ env }: Pick<LocalStack, 'env'>): Promise<void> {
  const slack = { tokenParameter: TOKEN_PARAMETER, token: 'xoxb-local' };
  await prepareAccount(env, { bucket: BUCKET, keyAlias: KEY_ALIAS, slack });
}

/** `perennial apply` of these definitions, one file each. */
export async function applyDefinitions(
  { env }: Pick<LocalStack, 'env'>,
  definitions: readonly DefinitionInput[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-definitions-'));
  try {
    await Promise.all(definitions.map((one) => writeFile(join(folder, `${one.name}.yaml`), stringify(one))));
    await perennialOk(['apply', folder], { env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
