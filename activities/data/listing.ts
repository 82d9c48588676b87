import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import type { Definition } from '../../contracts/definition/index.js';
import { s3Uri } from '../../contracts/names.js';
import type { FileEntry } from '../../contracts/records.js';
import { withFailures } from '../errors.js';
import { datedAs, inside } from './dates.js';
import type { Window } from './dates.js';

/** What a channel's prefix holds inside a window. */
export interface ChannelListing {
  readonly name: string;
  readonly prefix: string;
  /** Sorted by key. */
  readonly files: readonly FileEntry[];
  /** Objects between the window's ends whose keys bear no valid date. */
  readonly ignored: number;
}

/** Channels of a definition with their prefixes; a further channel is the sibling of the train prefix that bears its name. */
export function channelPrefixes({ data }: Definition): { readonly name: string; readonly prefix: string }[] {
  const parent = data.prefix.replace(/[^/]+\/$/, '');
  return [
    { name: 'train', prefix: data.prefix },
    ...data.channels.map((name) => ({ name, prefix: `${parent}${name}/` })),
  ];
}

/** Lists every channel of a definition at the same time. */
export function listChannels(s3: S3Client, definition: Definition, window: Window): Promise<ChannelListing[]> {
  return Promise.all(channelPrefixes(definition).map((channel) => listChannel(s3, definition, channel, window)));
}

/**
 * Lists the dated objects of one channel inside the window. S3 lists keys in order, so it starts at the window's first date and stops after
 * its last: the cost follows the window, not the prefix. Objects without content are folder markers and left out.
 */
async function listChannel(
  s3: S3Client,
  { data: { bucket } }: Definition,
  { name, prefix }: { readonly name: string; readonly prefix: string },
  window: Window,
): Promise<ChannelListing> {
  // "." and "/", which may follow a date, both sort before "0".
  const end = `${prefix}${window.last}0`;
  const about = { resource: s3Uri(bucket, prefix), action: 'list', permission: 's3:ListBucket' };
  const files: FileEntry[] = [];
  let ignored = 0;
  let ContinuationToken: string | undefined;
  let done = false;
  do {
    const request = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: prefix,
      // XML has no way to carry some characters that keys may contain.
      EncodingType: 'url',
      ContinuationToken,
      ...(window.first !== undefined && { StartAfter: `${prefix}${window.first}` }),
    });
    const page = await withFailures(about, () => s3.send(request));
    for (const { Key = '', ETag = '', Size = 0 } of page.Contents ?? []) {
      const key = decodeURIComponent(Key.replaceAll('+', ' '));
      if (key >= end) {
        done = true;
        break;
      }
      if (Size === 0) continue;
      const date = datedAs(key.slice(prefix.length));
      if (date === undefined) ignored += 1;
      else if (inside(window, date)) files.push({ channel: name, key, date, etag: ETag, size: Size });
    }
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    // A long listing shows that it is alive, and hears of a cancel.
    if (ContinuationToken !== undefined) heartbeat(files.length);
  } while (ContinuationToken !== undefined && !done);
  return { name, prefix, files: files.sort((a, b) => (a.key < b.key ? -1 : 1)), ignored };
}
