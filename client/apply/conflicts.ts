import { UNIQUE } from '../definition/together.js';
import type { Plan } from './plan.js';

/**
 * Models of the plan that would share an endpoint, a parameter or an output prefix with a model that Temporal knows and the files don't
 * define: one sentence each. Those of one call were compared when the files were checked. A model that is pruned at the same time and
 * has nothing to do any more is in nobody's way: that is how a model is renamed.
 */
export function conflictsOf({ models, orphans }: Plan, pruned: boolean): string[] {
  return orphans.flatMap(({ model: other, definition: applied, busy }) => {
    if (!applied || (pruned && !busy)) return [];
    return models.flatMap(({ model, file, definition }) =>
      UNIQUE.filter(({ of }) => of(definition) === of(applied)).map(({ path, why, of }) => {
        const fix = pruned
          ? `a run of ${other} is under way or waits: wait for it or \`perennial cancel\` it, then apply again`
          : `give one of the two another, or remove ${other} with --prune`;
        return `${file}: ${model} gives the same ${path.join('.')} (${of(definition)}) as ${other}, which is applied already: ${why}; ${fix}`;
      }),
    );
  });
}
