import { heartbeat } from '@temporalio/activity';
import type { S3Client } from '@aws-sdk/client-s3';
import type { PurgeWork } from '../../contracts/purge/index.js';
import type { CopyRule, Storage } from '../../contracts/storage/index.js';
import { fail } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { TargetList } from '../purge/target-list.js';
import { copiesOf, type Target } from '../purge/targets.js';
import { comparable } from './filter.js';

/** Which rows are looked for, and where. Values stay in memory. */
export interface RowSearch {
  /** The targets to search, each with its declared copies that have the same rows. */
  readonly list: TargetList;
  /** 1-based. */
  readonly column: number;
  readonly values: ReadonlySet<string>;
  /** Whether a field is one of the values, which is then added to `found`. */
  matches(field: string, found: Set<string>): boolean;
  /** Tells Temporal that the work goes on. */
  alive(): void;
}

/** Reads the values of a list of targets. Throws InvalidRequest where there is none, or no column. */
export async function openSearch(
  s3: S3Client,
  { targetsUri, targetsHash, storage, options }: PurgeWork,
  hashes: () => Promise<KeyedHashes>,
  details: () => unknown,
): Promise<RowSearch> {
  const { column } = options;
  if (column === undefined || !Number.isInteger(column) || column < 1) {
    throw fail(
      'InvalidRequest',
      `options.column is ${column}: give the 1-based number of the column whose rows are to go`,
    );
  }
  const alive = () => heartbeat(details());
  const rules = kept(storage.copies);
  const named = { targetsUri, ...(targetsHash && { targetsHash }), storage: rules };
  const list = await TargetList.read(s3, named, hashes, alive);
  const values = new Set([...list.values].map(comparable).filter((value) => value !== ''));
  if (values.size === 0) {
    throw fail(
      'InvalidRequest',
      `${targetsUri}, the list of targets, has no value: name those whose rows are to go, one {"value": …} a line`,
    );
  }
  return {
    list,
    column,
    values,
    matches(field, found) {
      if (!values.has(field)) return false;
      found.add(field);
      return true;
    },
    alive,
  };
}

const kept = (rules: readonly CopyRule[]): Pick<Storage, 'copies'> => ({
  copies: rules.filter(({ suffix }) => suffix === ''),
});

/** What was made of an object and has rows of another shape: predictions, say. A person's can't be told by a column there. */
export function derivedOf(object: Target, { copies }: Storage): Target[] {
  const alike = new Set(copiesOf(object, kept(copies)).map((one) => JSON.stringify(one)));
  return copiesOf(object, { copies }).filter((one) => !alike.has(JSON.stringify(one)));
}
