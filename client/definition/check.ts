import { definitionSchema } from '../../contracts/definition/index.js';
import type { Definition } from '../../contracts/definition/index.js';
import { checkStorageData, isStorageFile, secondStorage, type CheckedStorage } from '../storage/check.js';
import { checkMirrors } from '../storage/together.js';
import type { Fault, FaultAt } from './fault.js';
import { sortFaults } from './fault.js';
import { readDefinitionFiles } from './files.js';
import { distinct, faultsOf } from './issues.js';
import { faultMessage } from './messages.js';
import { ruleFaults } from './rules.js';
import { definitionView } from './schema.js';
import { parseSource } from './source.js';
import { readStatements } from './statements.js';
import type { Source } from './source.js';
import type { CheckedModel } from './together.js';
import { checkTogether } from './together.js';

export interface CheckResult {
  /** Every file read. */
  readonly files: readonly string[];
  /** The models of the files without a fault, with every default filled in. */
  readonly models: readonly CheckedModel[];
  /** The storage file, if one is among the files and has no fault. */
  readonly storage?: CheckedStorage;
  /** In order of file and line. Nothing may be started while there is one. */
  readonly faults: readonly Fault[];
}

/** Checks plain data against the schema of a definition and the rules between its keys. */
export function checkData(data: unknown): { definition: Definition } | { faults: FaultAt[] } {
  const result = definitionSchema.safeParse(data, { error: faultMessage });
  const faults = distinct([
    ...(result.success ? [] : faultsOf(result.error.issues, data, definitionView)),
    ...ruleFaults(data),
  ]);
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
 * Checks definition files, and the storage file if it is among them: each by itself and all together.
 * @param paths YAML files, or folders of them
 */
export async function checkDefinitions(paths: readonly string[]): Promise<CheckResult> {
  const { texts, faults: unread } = await readDefinitionFiles(paths);
  const faults: Fault[] = [...unread];
  const models: (CheckedModel & { source: Source })[] = [];
  let storage: CheckedStorage | undefined;
  let storageFile: string | undefined;
  for (const { file, text } of texts) {
    const parsed = parseSource(file, text);
    if ('faults' in parsed) {
      faults.push(...parsed.faults);
      continue;
    }
    const { source } = parsed;
    const tell = (found: readonly FaultAt[]) =>
      faults.push(...found.map((fault) => source.locate(asWritten(source, fault))));
    if (isStorageFile(source.data)) {
      if (storageFile !== undefined) tell([secondStorage(storageFile)]);
      storageFile ??= file;
      const checked = checkStorageData(source.data);
      if ('faults' in checked) tell(checked.faults);
      else storage ??= { file, storage: checked.storage };
      continue;
    }
    const unread = await readStatements(file, source.data);
    const checked = checkData(source.data);
    // A file that can't be read hides no other fault.
    tell(unread);
    if ('faults' in checked) tell(checked.faults);
    else if (unread.length === 0) models.push({ file, definition: checked.definition, source });
  }
  faults.push(...checkTogether(models), ...(storage ? checkMirrors(storage, models) : []));
  return {
    files: texts.map(({ file }) => file),
    models: models.map(({ file, definition }) => ({ file, definition })),
    ...(storage && { storage }),
    faults: sortFaults(faults),
  };
}
