import type { Mirror } from '../../contracts/storage/index.js';
import type { Fault } from '../definition/fault.js';
import type { Source } from '../definition/source.js';
import type { CheckedModel } from '../definition/together.js';
import type { CheckedStorage } from './check.js';

/** What a folder of the workers is a mirror of, by the mirror that keeps it; undefined where none does. */
function originOf(
  mirrors: readonly Mirror[],
  path: string,
): { uri: string; bucket: string; index: number } | undefined {
  const index = mirrors.findIndex((one) => path === one.path || path.startsWith(`${one.path}/`));
  const mirror = mirrors[index];
  if (!mirror) return undefined;
  const below = path.slice(mirror.path.length + 1);
  return {
    uri: `s3://${mirror.bucket}/${mirror.prefix}${below}${below === '' ? '' : '/'}`,
    bucket: mirror.bucket,
    index,
  };
}

/** Faults that only show between models and the storage file: a channel that says another origin of its files than the mirror that keeps them. */
export function checkMirrors(
  { file, storage }: CheckedStorage,
  models: readonly (CheckedModel & { source: Source })[],
): Fault[] {
  return models.flatMap(({ definition: { data }, source }) =>
    (data.fileSystems ?? []).flatMap(({ path, mirrorOf }, at): Fault[] => {
      const origin = originOf(storage.mirrors, path);
      // Of a mirror of another bucket nothing can be said, and the check warns of that.
      if (!origin || origin.uri === mirrorOf || (mirrorOf === undefined && origin.bucket !== data.bucket)) return [];
      const key = ['data', 'fileSystems', at];
      return [
        source.locate({
          path: mirrorOf === undefined ? key : [...key, 'mirrorOf'],
          message: `${mirrorOf === undefined ? 'has no mirrorOf, but its path lies' : 'is not what its path holds, which lies'} in storage.mirrors.${origin.index} of ${file}`,
          ...(mirrorOf !== undefined && { found: mirrorOf }),
          fix: `write  mirrorOf: ${origin.uri}`,
        }),
      ];
    }),
  );
}
