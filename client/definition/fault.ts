/** One thing that is wrong with a definition, with all that is needed to mend it. */
export interface Fault {
  /** File as it was named by the caller, or the option that held the value. */
  readonly file: string;
  /** 1-based; absent where the value does not come from a file. */
  readonly line?: number;
  readonly column?: number;
  /** Path of the key: `training.instances.0`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, as the end of a sentence that starts with the path. */
  readonly message: string;
  /** The value found, as short YAML; a value that may be a secret is hidden. */
  readonly found?: string;
  /** What to write instead. */
  readonly fix?: string;
  /** Closest known key, for an unknown one. */
  readonly closest?: string;
}

/** A fault before its file and place are known. */
export type FaultAt = Omit<Fault, 'file' | 'line' | 'column' | 'path'> & {
  readonly path: readonly PropertyKey[];
  /** Point at the key, not at its value. */
  readonly atKey?: boolean;
};

export const pathText = (path: readonly PropertyKey[]) => path.map(String).join('.');

const place = (fault: Fault) => [fault.file, fault.line, fault.column].filter((part) => part !== undefined).join(':');

/**
 * All faults as one message: a line for each place, and below it what was found and what to do.
 * Text that stands after `file:line:column` can be clicked in most terminals.
 */
export function renderFaults(faults: readonly Fault[]): string {
  return faults
    .map((fault) => {
      const subject = fault.path === '' ? '' : `${fault.path} `;
      const lines = [`${place(fault)}: ${subject}${fault.message}`];
      if (fault.found !== undefined) lines.push(`    found: ${fault.found}`);
      if (fault.fix !== undefined) lines.push(`    fix:   ${fault.fix}`);
      return lines.join('\n');
    })
    .join('\n');
}

/** In the order of the file, so that a reader goes through it once. */
export function sortFaults(faults: readonly Fault[]): Fault[] {
  return [...faults].sort(
    (a, b) => a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}
