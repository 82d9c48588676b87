import { definitionSchema } from '../../contracts/definition/index.js';
import type { Definition } from '../../contracts/definition/index.js';
import type { Fault, FaultAt } from './fault.js';
import { pathText, sortFaults } from './fault.js';
import { readDefinitionFiles } from './files.js';
import { faultsOf } from './issues.js';
import { faultMessage } from './messages.js';
import { ruleFaults } from './rules.js';
import { parseSource } from './source.js';
import type { Source } from './source.js';
import type { CheckedModel } from './together.js';
import { checkTogether } from './together.js';

export interface CheckResult {
  /** Every file read. */
  readonly files: readonly string[];
  /** The models of the files without a fault, with every default filled in. */
  readonly models: readonly CheckedModel[];
  /** In order of file and line. Nothing may be started while there is one. */
  readonly faults: readonly Fault[];
}

/** One fault a path, the first; a required key that is only misspelt is no fault of its own. */
function distinct(faults: readonly FaultAt[]): FaultAt[] {
  const meant = new Set(
    faults.flatMap(({ path, closest }) => (closest === undefined ? [] : [pathText([...path.slice(0, -1), closest])])),
  );
  const seen = new Set<string>();
  return faults.filter((fault) => {
    const path = pathText(fault.path);
    if (seen.has(path) || (meant.has(path) && fault.message.startsWith('is required'))) return false;
    seen.add(path);
    return true;
  });
}

/** Checks plain data against the schema of a definition and the rules between its keys. */
export function checkData(data: unknown): { definition: Definition } | { faults: FaultAt[] } {
  const result = definitionSchema.safeParse(data, { error: faultMessage });
  const faults = distinct([...(result.success ? [] : faultsOf(result.error.issues, data)), ...ruleFaults(data)]);
  return result.success && faults.length === 0 ? { definition: result.data } : { faults };
}

/** A number loses how it was written (`012` becomes 12): faults quote the file. */
function asWritten(source: Source, fault: FaultAt): FaultAt {
  if (fault.found === undefined || !/^-?[\d.e+-]+$/i.test(fault.found)) return fault;
  const written = source.written(fault.path);
  if (written === undefined) return fault;
  return {
    ...fault,
    found: written,
    ...(fault.fix === 'put it in quotes' ? { fix: `put it in quotes: "${written}"` } : {}),
  };
}

/**
 * Checks definition files: each by itself and all together.
 * @param paths YAML files, or folders of them
 */
export async function checkDefinitions(paths: readonly string[]): Promise<CheckResult> {
  const { texts, faults: unread } = await readDefinitionFiles(paths);
  const faults: Fault[] = [...unread];
  const models: (CheckedModel & { source: Source })[] = [];
  for (const { file, text } of texts) {
    const parsed = parseSource(file, text);
    if ('faults' in parsed) {
      faults.push(...parsed.faults);
      continue;
    }
    const checked = checkData(parsed.source.data);
    if ('faults' in checked)
      faults.push(...checked.faults.map((fault) => parsed.source.locate(asWritten(parsed.source, fault))));
    else models.push({ file, definition: checked.definition, source: parsed.source });
  }
  faults.push(...checkTogether(models));
  return {
    files: texts.map(({ file }) => file),
    models: models.map(({ file, definition }) => ({ file, definition })),
    faults: sortFaults(faults),
  };
}
