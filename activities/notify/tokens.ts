import type { SSMClient } from '@aws-sdk/client-ssm';
import { fail } from '../errors.js';
import { readParameter } from '../parameters.js';

/** How long a token read from SSM is used before it is read again. */
const FRESH_MS = 60_000;

/** Slack tokens by the SSM parameter that holds them. */
export interface Tokens {
  /** The token, at most a minute old. SlackRefused if there is none. */
  get(parameter: string): Promise<string>;
  /** Reads once more after Slack refused the token; undefined if it is still the same. */
  renewed(parameter: string): Promise<string | undefined>;
}

/** Tokens read through `ssm`; they stay in this process. */
export function createTokens(ssm: SSMClient): Tokens {
  const known = new Map<string, { readonly token: string; readonly at: number }>();

  const read = async (parameter: string) => {
    const stored = await readParameter(ssm, parameter, { decrypt: true });
    const token = stored?.value.trim();
    if (!token) {
      throw fail(
        'SlackRefused',
        `SSM parameter ${parameter} ${stored ? 'is empty' : 'does not exist'}: put the bot token there as a SecureString`,
      );
    }
    if (stored?.type !== 'SecureString') {
      throw fail('SlackRefused', `SSM parameter ${parameter} is a ${stored?.type}: keep the token in a SecureString`);
    }
    known.set(parameter, { token, at: Date.now() });
    return token;
  };

  return {
    async get(parameter) {
      const entry = known.get(parameter);
      return entry && Date.now() - entry.at < FRESH_MS ? entry.token : read(parameter);
    },
    async renewed(parameter) {
      const refused = known.get(parameter)?.token;
      known.delete(parameter);
      const token = await read(parameter);
      return token === refused ? undefined : token;
    },
  };
}
