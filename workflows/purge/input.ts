import { parseS3Uri } from '../../contracts/names.js';
import { LONGEST_REASON, REQUEST_ID, type PurgeInput, type TargetsSeen } from '../../contracts/purge/index.js';
import { defaultStorage } from '../../contracts/storage/defaults.js';
import { failure } from '../failures.js';
import { inspection } from './profiles.js';

/** All faults at once: any Temporal client may start this. */
export function check({ request, reason, by, targetsUri, options, since, links }: PurgeInput): void {
  const faults = [
    ...(REQUEST_ID.test(request) ? [] : ['request must be letters, digits, ".", "_" and "-", at most 100']),
    ...(reason.trim() !== '' && reason.length <= LONGEST_REASON
      ? []
      : [`reason must say why, in at most ${LONGEST_REASON} characters`]),
    ...(by.trim() === '' ? ['by must say who asks'] : []),
    ...(/^s3:\/\/[^/]+\/.+$/.test(targetsUri) ? [] : ['targetsUri must be the S3 URI of the list of targets']),
    ...(options?.column === undefined || (Number.isInteger(options.column) && options.column > 0)
      ? []
      : ['options.column must be the number of a column, from 1']),
    ...(links === undefined || (Number.isInteger(links) && links >= 0) ? [] : ['links must be a number of files']),
    ...(since !== undefined && Number.isNaN(Date.parse(since)) ? ['since must be an ISO 8601 time'] : []),
  ];
  if (faults.length > 0) throw failure('InvalidRequest', `${faults.join('; ')}. Nothing was touched`);
}

/** Declared, or what holds where nothing is. */
export async function storageOf({ storage, targetsUri }: Pick<PurgeInput, 'storage' | 'targetsUri'>) {
  const declared = storage ?? (await inspection.declaredStorage()).storage;
  return declared ?? defaultStorage(parseS3Uri(targetsUri).bucket);
}

/** A list and options that belong together. */
export function checkTargets({ values }: TargetsSeen, column: number | undefined): void {
  if (values > 0 === (column !== undefined)) return;
  throw failure(
    'InvalidRequest',
    values > 0
      ? 'the list has values of rows, and options.column does not say which column they stand in. Nothing was touched'
      : 'options.column is for a list with values, and this one has none. Nothing was touched',
  );
}
