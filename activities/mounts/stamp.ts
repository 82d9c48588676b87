import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';

/** What HEAD or a listing says of an object; the size in bytes. */
export interface ObjectState {
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
}

/** Hundred-thousandths of a second in one; in one of them, nanoseconds. */
const PARTS = 100_000;
const PART_NS = 10_000n;

/**
 * The modification time that a copy gets: the object's, to whose whole second (S3 tells no more) a fraction is added that stands for its
 * ETag. So two objects of one size, uploaded in the same second, are told apart by a look at the file. Never zero: a zero means that the file
 * system keeps whole seconds only.
 */
function stampOf({ etag, lastModified }: ObjectState): { seconds: number; part: number } {
  const hash = createHash('sha256').update(etag.replaceAll('"', '')).digest().readUInt32BE(0);
  return { seconds: Math.floor(lastModified.getTime() / 1_000), part: 1 + (hash % (PARTS - 1)) };
}

/** Seconds since 1970, for `utimes`. In the middle of the part, as the way through floating point cuts off a digit. */
export function modificationTime(object: ObjectState): number {
  const { seconds, part } = stampOf(object);
  return seconds + (part + 0.5) / PARTS;
}

/** Whether a file is the copy of this object. */
export function isCopyOf(object: ObjectState, file: BigIntStats): boolean {
  if (!file.isFile() || file.size !== BigInt(object.size)) return false;
  const { seconds, part } = stampOf(object);
  const parts = file.mtimeNs / PART_NS;
  const [keptSeconds, keptPart] = [parts / BigInt(PARTS), parts % BigInt(PARTS)];
  return keptSeconds === BigInt(seconds) && (keptPart === BigInt(part) || keptPart === 0n);
}
