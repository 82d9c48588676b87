import type { FileDifference } from '../../contracts/insight.js';
import { s3Uri } from '../../contracts/names.js';
import type { FileEntry, FileRecord } from '../../contracts/records.js';

/** A run's files by what they were for. */
export interface SplitFiles {
  readonly bucket: string;
  readonly training: readonly FileEntry[];
  readonly holdout: readonly FileEntry[];
}

/** Tells what a run trained on from what it kept from training, as its file record says. */
export function splitFiles({ bucket, files, holdout }: FileRecord): SplitFiles {
  return {
    bucket,
    training: files.filter(({ channel }) => channel !== holdout),
    holdout: files.filter(({ channel }) => channel === holdout),
  };
}

/** How a run's files differ from those of the first; a file of another ETag or size is changed. */
export function differenceFrom(
  first: SplitFiles,
  run: SplitFiles,
): { readonly files: FileDifference; readonly holdout?: FileDifference } {
  const shown = ({ bucket }: SplitFiles, { key, mounted, channel }: FileEntry) => {
    const name = bucket === first.bucket ? key : s3Uri(bucket, key);
    return mounted ? `${name} (on the mount of ${channel})` : name;
  };
  const between = (kind: 'training' | 'holdout'): FileDifference => {
    const before = new Map(first[kind].map((file) => [shown(first, file), file]));
    const now = new Map(run[kind].map((file) => [shown(run, file), file]));
    const isChanged = (key: string, { etag, size }: FileEntry) => {
      const earlier = before.get(key);
      return earlier !== undefined && (earlier.etag !== etag || earlier.size !== size);
    };
    return {
      files: now.size,
      bytes: run[kind].reduce((sum, { size }) => sum + size, 0),
      added: [...now.keys()].filter((key) => !before.has(key)),
      removed: [...before.keys()].filter((key) => !now.has(key)),
      changed: [...now].filter(([key, file]) => isChanged(key, file)).map(([key]) => key),
    };
  };
  const judged = first.holdout.length + run.holdout.length > 0;
  return { files: between('training'), ...(judged && { holdout: between('holdout') }) };
}
