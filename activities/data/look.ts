import type { S3Client } from '@aws-sdk/client-s3';
import type { SSMClient } from '@aws-sdk/client-ssm';
import type { CheckDataInput, CheckDataResult } from '../../contracts/activities.js';
import { s3Uri } from '../../contracts/names.js';
import type { FileEntry } from '../../contracts/records.js';
import { fail } from '../errors.js';
import { readBaseline, readFilesOf } from './baseline.js';
import { describeWindow, isDate, windowOf } from './dates.js';
import { dataHash, definitionHash } from './hashes.js';
import { listChannels } from './listing.js';
import { counted, judge, newestOf } from './news.js';
import type { Evidence, Verdict } from './news.js';

/** What a run sees when it looks at its data. */
export interface Look {
  /** Sorted by channel and key. */
  readonly files: readonly FileEntry[];
  readonly dataHash: string;
  readonly evidence: Evidence;
  readonly verdict: Verdict;
  /** Why a run could not train on this, in a sentence: no files, or none in a channel. */
  readonly missing?: string;
}

/** Lists the data, reads what is deployed, and decides. Reads only. */
export async function lookAtData(
  s3: S3Client,
  ssm: SSMClient,
  { definition, asOf, force }: CheckDataInput,
): Promise<Look> {
  if (!isDate(asOf))
    throw fail('InvalidRequest', `As-of date "${asOf}" is not a calendar date: write it as YYYY-MM-DD`);
  const window = windowOf(asOf, definition.data.window);
  const [channels, baseline] = await Promise.all([
    listChannels(s3, definition, window),
    readBaseline(s3, ssm, definition),
  ]);
  const files = [...channels].sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((channel) => channel.files);
  const hash = dataHash(files);
  const seen = { dataHash: hash, files };
  const [deployed, rolledBack] = await Promise.all([
    readFilesOf(s3, baseline.pointer, seen),
    readFilesOf(s3, baseline.rolledBack, seen),
  ]);
  const evidence: Evidence = {
    files,
    window,
    definitionHash: definitionHash(definition),
    baseline,
    deployed,
    rolledBack,
    force,
    parameter: definition.data.parameter,
  };
  const verdict = judge(evidence);
  const where = (prefix: string) =>
    `no dated objects under ${s3Uri(definition.data.bucket, prefix)} ${describeWindow(window)}`;
  const notes = channels
    .filter(({ ignored }) => ignored > 0)
    .map(
      ({ prefix, ignored }) =>
        `${counted(ignored, 'object')} under ${s3Uri(definition.data.bucket, prefix)} ignored: no YYYY-MM-DD.csv, nor under YYYY-MM-DD/`,
    );
  const empty = channels.find((channel) => channel.files.length === 0);
  return {
    files,
    dataHash: hash,
    evidence,
    verdict: { ...verdict, reasons: [...verdict.reasons, ...notes] },
    missing: empty && where(empty.prefix),
  };
}

/** Counts and dates of files. `bytes` is their sum over all channels, the dates are the train channel's. */
export function describeFiles(
  files: readonly FileEntry[],
): Pick<CheckDataResult, 'files' | 'bytes' | 'oldestDate' | 'newestDate'> {
  const dates = files.filter(({ channel }) => channel === 'train').map(({ date }) => date);
  return {
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    oldestDate: dates.reduce<string | undefined>(
      (oldest, date) => (oldest === undefined || date < oldest ? date : oldest),
      undefined,
    ),
    newestDate: newestOf(files),
  };
}
