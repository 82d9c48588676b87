import type { SSMClient } from '@aws-sdk/client-ssm';
import { askedFor } from '../../contracts/definition/prepare.js';
import type { PrepareInput } from '../../contracts/prepare.js';
import { windowOf } from '../data/dates.js';
import { fail } from '../errors.js';
import { readParameter } from '../parameters.js';
import type { Session } from './session.js';
import { parameterTable, type ParameterTypes } from './sql.js';

const ISO_DATE = /^\d{4}-\d\d-\d\d$/;

/** Puts the values of a run into the temporary table that the statements join. They are bound: none is ever SQL text. */
export async function bindParameters(
  session: Session,
  ssm: SSMClient,
  input: PrepareInput,
  types: ParameterTypes,
): Promise<void> {
  if (Object.keys(types).length === 0) return;
  const values = await parameterValues(ssm, input, types);
  const { create, insert } = parameterTable(types);
  await session.query('make the parameter table', create);
  await session.query('bind the parameters', insert, values);
}

/** In the order of their names in the definition; null for a watermark that is not there yet. */
export async function parameterValues(
  ssm: SSMClient,
  { definition, asOf }: PrepareInput,
  types: ParameterTypes,
): Promise<(string | null)[]> {
  const { first = null } = windowOf(asOf, definition.data.window);
  const known: Readonly<Record<string, () => string | null | Promise<string | null>>> = {
    asOf: () => asOf,
    windowStart: () => first,
    watermark: () => watermark(ssm, definition.data.parameter),
  };
  return Promise.all(
    Object.entries(types).map(async ([name, { value }]) => {
      const asked = askedFor(value);
      if (asked === undefined) return String(value);
      const answer = known[asked];
      if (answer) return answer();
      throw fail(
        'DefinitionInvalid',
        `prepare.redshift.parameters.${name} asks for \${${asked}}, and there are ${Object.keys(known)
          .map((one) => `\${${one}}`)
          .join(', ')}`,
      );
    }),
  );
}

/** The newest date deployed; null before the first deployment, and where the parameter was set to train always. */
async function watermark(ssm: SSMClient, parameter: string): Promise<string | null> {
  const stored = await readParameter(ssm, parameter);
  return stored && ISO_DATE.test(stored.value) ? stored.value : null;
}
