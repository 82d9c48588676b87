import type { SSMClient } from '@aws-sdk/client-ssm';
import type { CheckDataInput, CheckDataResult } from '../../contracts/activities.js';
import { s3Uri } from '../../contracts/names.js';
import type { FileEntry } from '../../contracts/records.js';
import { fail } from '../errors.js';
import { readBaseline, readFilesOf } from './baseline.js';
import { describeWindow, isDate, windowOf } from './dates.js';
import { dataHash, definitionHash, gateHash } from './hashes.js';
import { HOLDOUT, splitHoldout } from './holdout.js';
import { type ChannelListing, listChannels, type ListingDeps } from './listing.js';
import { counted, isOfTrainPrefix, judge, newestOf } from './news.js';
import type { Evidence, Verdict } from './news.js';

/** What a run sees when it looks at its data. */
export interface Look {
  /** Sorted by channel and key. */
  readonly files: readonly FileEntry[];
  readonly dataHash: string;
  readonly evidence: Evidence;
  readonly verdict: Verdict;
  /** Why a run could not train on this, in a sentence: no files, none in a channel, or none that the holdout leaves. */
  readonly missing?: string;
  /** What to do about that. */
  readonly remedy?: string;
}

/** Lists the data, reads what is deployed, and decides. Reads only. */
export async function lookAtData(
  { s3, ssm, hashes }: ListingDeps & { readonly ssm: SSMClient },
  { definition, asOf, force }: CheckDataInput,
): Promise<Look> {
  if (!isDate(asOf))
    throw fail('InvalidRequest', `As-of date "${asOf}" is not a calendar date: write it as YYYY-MM-DD`);
  const window = windowOf(asOf, definition.data.window);
  const [listed, baseline] = await Promise.all([
    listChannels({ s3, hashes }, definition, window),
    readBaseline(s3, ssm, definition),
  ]);
  if (listed.unavoidable > 0) {
    throw fail(
      'DataInvalid',
      `${counted(listed.unavoidable, 'purged file')} on the mounts of data.fileSystems, which a job would read (${listed.notes.join('; ')}): run again once the purge is over, erase what came back (\`perennial mirror repair\` does so on a mirror's mount), or let it in with \`perennial purge lift\``,
    );
  }
  const channels = splitHoldout(listed.channels, definition);
  const files = [...channels].sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((channel) => channel.files);
  const hash = dataHash(files);
  const seen = { dataHash: hash, files };
  const [deployed, refused] = await Promise.all([
    readFilesOf(s3, baseline.pointer, seen),
    readFilesOf(s3, baseline.refused, seen),
  ]);
  const evidence: Evidence = {
    files,
    window,
    definitionHash: definitionHash(definition),
    baseline,
    deployed,
    refused,
    gateHash: gateHash(definition),
    force,
    parameter: definition.data.parameter,
  };
  const verdict = judge(evidence);
  const notes = channels
    .filter(({ ignored }) => ignored > 0)
    .map(
      ({ prefix, ignored }) =>
        `${counted(ignored, 'object')} under ${s3Uri(definition.data.bucket, prefix)} ignored: no YYYY-MM-DD.csv, nor under YYYY-MM-DD/`,
    );
  return {
    files,
    dataHash: hash,
    evidence,
    verdict: {
      ...verdict,
      reasons: [...verdict.reasons, ...notes, ...channels.flatMap(({ mount }) => mount?.notes ?? []), ...listed.notes],
    },
    ...missingOf(channels, definition, describeWindow(window), listed.notes),
  };
}

function missingOf(
  channels: readonly ChannelListing[],
  { data, evaluation }: CheckDataInput['definition'],
  when: string,
  purged: readonly string[],
): Pick<Look, 'missing' | 'remedy'> {
  const empty = channels.find(({ files }) => files.length === 0);
  if (!empty) return {};
  const held = channels.find(({ name }) => name === HOLDOUT)?.files.length ?? 0;
  if (empty.name === 'train' && held > 0) {
    return {
      missing: `all ${counted(held, 'dated object')} under ${s3Uri(data.bucket, empty.prefix)} ${when} lie within the last ${evaluation?.holdout}, which evaluation.holdout keeps from training`,
      remedy: 'shorten evaluation.holdout, upload older data, or widen data.window',
    };
  }
  if (empty.mount) {
    return {
      missing: `no files in ${empty.mount.path}, where channel ${empty.name} is read`,
      remedy: 'mount the file system there on every worker, or fill the folder',
    };
  }
  return {
    missing: [`no dated objects under ${s3Uri(data.bucket, empty.prefix)} ${when}`, ...purged].join('; '),
    remedy: 'upload some, widen data.window, or name another as-of date',
  };
}

/** Counts and dates of files. `bytes` is their sum over all channels, the dates are those under the train prefix. */
export function describeFiles(
  files: readonly FileEntry[],
): Pick<CheckDataResult, 'files' | 'bytes' | 'oldestDate' | 'newestDate'> {
  const dates = files.filter(isOfTrainPrefix).map(({ date }) => date);
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
