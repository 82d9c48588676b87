import type { Definition } from '../../contracts/definition/index.js';
import type { Fault } from './fault.js';
import type { Source } from './source.js';

export interface CheckedModel {
  readonly file: string;
  readonly definition: Definition;
}

/** What no two models may share, and why. The key is looked up in the file; a default is shown at the model's name. */
export const UNIQUE: readonly { path: readonly string[]; why: string; of: (definition: Definition) => string }[] = [
  { path: ['name'], why: 'each model needs a name of its own', of: ({ name }) => name },
  {
    path: ['endpoint', 'name'],
    why: 'their deployments would replace each other',
    of: ({ endpoint }) => endpoint.name,
  },
  { path: ['data', 'parameter'], why: 'they would overwrite the date of each other', of: ({ data }) => data.parameter },
  {
    path: ['data', 'output'],
    why: 'their run records would mix',
    of: ({ data }) => `s3://${data.bucket}/${data.output}`,
  },
];

/** Faults that only show between models: two of one name, or two that would overwrite each other's resources. */
export function checkTogether(models: readonly (CheckedModel & { source: Source })[]): Fault[] {
  const faults: Fault[] = [];
  const pairs = new Set<string>();
  for (const { path, why, of } of UNIQUE) {
    const seen = new Map<string, CheckedModel>();
    for (const model of models) {
      const value = of(model.definition);
      const first = seen.get(value);
      if (!first) seen.set(value, model);
      // Two models of one name share every default too: one fault says it.
      else if (!pairs.has(`${first.file}\n${model.file}`)) {
        if (path[0] === 'name') pairs.add(`${first.file}\n${model.file}`);
        const given = model.source.written(path) !== undefined;
        faults.push({
          ...model.source.locate({
            path: given ? path : ['name'],
            message: `gives the same ${path.join('.')} as ${first.file}: ${why}`,
            found: value,
            fix: `give one of the two another ${path.join('.')}`,
          }),
          path: path.join('.'),
        });
      }
    }
  }
  return faults;
}
