import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import type { Definition } from '../../contracts/definition/index.js';
import { s3Uri } from '../../contracts/names.js';
import type { FileEntry } from '../../contracts/records.js';
import { withFailures } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { answeredByS3 } from '../s3/objects.js';
import { datedAs, inside } from './dates.js';
import type { Window } from './dates.js';
import { listMounted } from './mounted.js';
import { admit } from './tombstones.js';

/** What a channel's prefix holds inside a window. */
export interface ChannelListing {
  readonly name: string;
  readonly prefix: string;
  /** Sorted by key. */
  readonly files: readonly FileEntry[];
  /** Objects between the window's ends whose keys bear no valid date. */
  readonly ignored: number;
  /** Of a channel that is read from a mounted file system: its folder, and sentences about what of it is not listed. */
  readonly mount?: { readonly path: string; readonly notes: readonly string[] };
}

/** Channels that a definition trains on, with their prefixes; a further channel is the sibling of the train prefix that bears its name. */
export function channelPrefixes({
  data,
}: {
  readonly data: Pick<Definition['data'], 'prefix' | 'channels'>;
}): { readonly name: string; readonly prefix: string }[] {
  const parent = data.prefix.replace(/[^/]+\/$/, '');
  return [
    { name: 'train', prefix: data.prefix },
    ...data.channels.map((name) => ({ name, prefix: `${parent}${name}/` })),
  ];
}

/** The channels that a definition trains on, and the one it is judged on where that is one of its own. */
export function listedPrefixes({ data, evaluation }: Pick<Definition, 'data' | 'evaluation'>) {
  const channels = evaluation?.channel === undefined ? data.channels : [...data.channels, evaluation.channel];
  return channelPrefixes({ data: { ...data, channels } });
}

/** What a look at the data works through: S3, and the hashes by which purged keys are known. */
export interface ListingDeps {
  readonly s3: S3Client;
  readonly hashes: () => Promise<KeyedHashes>;
}

/**
 * What a definition's channels hold; `notes` are sentences about what was left out because it was purged. `unavoidable` counts purged files that are on
 * the mounts of channels: a job sees all of a folder, whatever is listed here.
 */
export interface DataListing {
  readonly channels: readonly ChannelListing[];
  readonly notes: readonly string[];
  readonly unavoidable: number;
}

/**
 * Lists every prefix and every mounted folder of a definition at the same time. What evaluation.holdout keeps from training is among the train
 * channel's files. What was purged is in none, be it there again.
 */
export async function listChannels(
  { s3, hashes }: ListingDeps,
  definition: Definition,
  window: Window,
): Promise<DataListing> {
  const listed = await Promise.all([
    ...listedPrefixes(definition).map((channel) => listChannel(s3, definition, channel, window)),
    ...(definition.data.fileSystems ?? []).map(listMounted),
  ]);
  const files = listed.flatMap((channel) => channel.files);
  const { admitted, notes } = await admit(s3, hashes, { bucket: definition.data.bucket, files });
  const channels = listed.map((channel) => ({ ...channel, files: channel.files.filter((file) => admitted.has(file)) }));
  return { channels, notes, unavoidable: files.filter((file) => file.mounted && !admitted.has(file)).length };
}

/**
 * A key as a listing spells it. URL-encoded (with "+" for a space) is what S3 was asked for, as XML can't carry all characters of a key; a store
 * that did not do so does not say that it did.
 */
const decoded = (key: string, encoding: string | undefined) =>
  encoding === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;

/**
 * Lists the dated objects of one channel inside the window, each with the version that is current: in one look, so that ETag and version
 * belong together. S3 lists keys in order, so it starts at the window's first date and stops after its last: the cost follows the window
 * (and the old versions in it), not the prefix. Objects without content are folder markers and left out.
 */
async function listChannel(
  s3: S3Client,
  { data: { bucket } }: Definition,
  { name, prefix }: { readonly name: string; readonly prefix: string },
  window: Window,
): Promise<ChannelListing> {
  // "." and "/", which may follow a date, both sort before "0".
  const end = `${prefix}${window.last}0`;
  const about = { resource: s3Uri(bucket, prefix), action: 'list', permission: 's3:ListBucketVersions' };
  // By key: stores may name the last object of a page once more on the next.
  const files = new Map<string, FileEntry>();
  const ignored = new Set<string>();
  let KeyMarker = window.first === undefined ? undefined : `${prefix}${window.first}`;
  let VersionIdMarker: string | undefined;
  let more = true;
  while (more) {
    const request = new ListObjectVersionsCommand({
      Bucket: bucket,
      Prefix: prefix,
      EncodingType: 'url',
      KeyMarker,
      VersionIdMarker,
    });
    const page = await withFailures(about, () => s3.send(request));
    answeredByS3(page.Name, about.resource);
    more = page.IsTruncated === true;
    for (const { Key = '', ETag = '', Size = 0, VersionId, IsLatest } of page.Versions ?? []) {
      const key = decoded(Key, page.EncodingType);
      if (key >= end) {
        more = false;
        break;
      }
      if (Size === 0 || IsLatest !== true) continue;
      const date = datedAs(key.slice(prefix.length));
      if (date === undefined) ignored.add(key);
      else if (inside(window, date)) {
        const versionId = VersionId === undefined || VersionId === 'null' ? {} : { versionId: VersionId };
        files.set(key, { channel: name, key, date, etag: ETag, size: Size, ...versionId });
      }
    }
    KeyMarker = page.NextKeyMarker && decoded(page.NextKeyMarker, page.EncodingType);
    VersionIdMarker = page.NextVersionIdMarker;
    // A long listing shows that it is alive, and hears of a cancel.
    if (more) heartbeat(files.size);
  }
  const sorted = [...files.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  return { name, prefix, files: sorted, ignored: ignored.size };
}
