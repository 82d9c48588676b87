import type { Definition } from '../../contracts/definition/index.js';
import type { Transform } from '../../contracts/transforms.js';
import { checkData } from '../definition/check.js';
import { closest } from '../definition/schema.js';
import { CliError, EXIT, usageError } from '../errors.js';

/** What a person asks for; what is absent is the definition's, or its default. */
export interface TransformOptions {
  readonly name?: string | undefined;
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  readonly manifest?: true | undefined;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly split?: string | undefined;
  readonly label?: string | undefined;
  readonly join?: string | undefined;
}

function named({ name: model, transforms = [] }: Definition, name: string): Transform {
  const found = transforms.find((one) => one.name === name);
  if (found) return found;
  const names = transforms.map((one) => one.name);
  const near = closest(name, names);
  const hint = near
    ? `did you mean ${near}?`
    : names.length > 0
      ? `it has ${names.join(', ')}`
      : 'its definition has none: give --input and --output';
  throw usageError(`${model} has no transform "${name}": ${hint}`);
}

const flag = (key: PropertyKey | undefined) =>
  `--${String(key).replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * The transform that the options ask for: that of the definition with this name, changed by them, or one of their own. Checked as those of
 * a definition are; all that is wrong stands in one error.
 */
export function requestedTransform(definition: Definition, { name, ...options }: TransformOptions): Transform {
  const missing = (['input', 'output'] as const).filter((key) => options[key] === undefined);
  if (name === undefined && missing.length > 0)
    throw usageError(
      `nothing to transform: give ${missing.map(flag).join(' and ')}, or --name with a transform of the definition`,
    );
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const wanted = { ...(name === undefined ? {} : named(definition, name)), ...given };
  const checked = checkData({ ...definition, transforms: [wanted] });
  if ('definition' in checked) return checked.definition.transforms[0] as Transform;
  const faults = checked.faults.map(({ path: [section, , ...keys], message }) =>
    section === 'transforms'
      ? `${keys.length > 0 ? flag(keys[0]) : 'the transform'} ${message}`
      : `${String(section)} ${message}`,
  );
  throw new CliError(`${faults.join('\n')}\nnothing was started`, EXIT.usage, { details: { faults } });
}
