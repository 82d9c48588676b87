import type { Mirror } from '../../contracts/storage/index.js';
import { RECORDS_PREFIX } from '../../contracts/storage/index.js';

/**
 * Names on a mount are bytes. They are held here as strings with one character a byte (latin1): small, exact for names that are no UTF-8,
 * and `<` compares them as S3 orders keys, by their UTF-8 bytes.
 */
export type Bytes = string;

export const bytesOf = (text: string): Bytes => Buffer.from(text, 'utf8').toString('latin1');

/** The text of a name, or undefined where its bytes are no UTF-8, which every key of S3 is. */
export function textOf(bytes: Bytes): string | undefined {
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  return bytesOf(text) === bytes ? text : undefined;
}

/** Folder at a mirror's root for files that are being copied: on the same file system, so that a rename puts them in their place. */
export const STAGING = '.perennial';

/** Bytes of a name, and depth of a path: limits of EFS. */
const LONGEST_NAME = 255;
const DEEPEST = 1_000;

/** What NFS clients rename an open file to when it is deleted: 16 digits of the file's id, 8 of a counter. */
export const isStillOpen = (name: Bytes) => /^\.nfs[0-9a-f]{24}$/.test(name);

/** Where an object stands below a mirror's folder. */
export interface FileImage {
  readonly folders: readonly Bytes[];
  readonly name: Bytes;
}

/** `marker`: the key of a folder, whose image is at most that folder. */
export type Image = FileImage | { readonly marker: readonly Bytes[] } | undefined;

/**
 * The image of a key's part below the mirror's prefix. Undefined where it has none, as `..`, an empty segment or a name over 255 bytes would
 * lead elsewhere or nowhere. Keys are never normalised: two keys never share an image.
 */
export function imageOf(relative: Bytes): Image {
  const segments = relative.split('/');
  const last = segments.pop() ?? '';
  if (segments.length >= DEEPEST || !segments.every(isName)) return undefined;
  if (segments[0] === STAGING) return undefined;
  if (last === '') return { marker: segments };
  return isName(last) && !(segments.length === 0 && last === STAGING) ? { folders: segments, name: last } : undefined;
}

const isName = (segment: Bytes) =>
  segment !== '' &&
  segment !== '.' &&
  segment !== '..' &&
  segment.length <= LONGEST_NAME &&
  !segment.includes('\0') &&
  !isStillOpen(segment);

/** The part of a key below a mirror's prefix; undefined if the mirror doesn't copy that key. */
export function belowMirror({ bucket, prefix }: Mirror, object: { bucket: string; key: string }): Bytes | undefined {
  if (object.bucket !== bucket || !object.key.startsWith(prefix)) return undefined;
  // Not even by a mirror of the whole bucket.
  if (object.key.startsWith(RECORDS_PREFIX)) return undefined;
  return bytesOf(object.key.slice(prefix.length));
}
