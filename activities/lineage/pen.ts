import type { S3Client } from '@aws-sdk/client-s3';
import { s3Uri } from '../../contracts/names.js';
import { rewriteJson, wouldRewriteJson } from './rewrite.js';
import { countVersions, eraseVersions, type Version } from './versions.js';

/** What the records of runs are changed with. */
export interface Pen {
  /** See rewriteJson: whether the object was changed. */
  rewrite<T>(uri: string, change: (value: T) => T | undefined): Promise<boolean>;
  /** See eraseVersions: how many there were. */
  erase(place: { bucket: string; prefix: string }, isWanted: (version: Version) => boolean): Promise<number>;
}

export const penOf = (s3: S3Client): Pen => ({
  rewrite: (uri, change) => rewriteJson(s3, uri, change),
  erase: (place, isWanted) => eraseVersions(s3, place, isWanted),
});

/** Changes nothing and answers as the other would; `wouldChange` is told of each object that would be rewritten or would go. */
export const dryPenOf = (s3: S3Client, wouldChange: (uri: string) => void): Pen => ({
  async rewrite(uri, change) {
    const would = await wouldRewriteJson(s3, uri, change);
    if (would) wouldChange(uri);
    return would;
  },
  erase: (place, isWanted) =>
    countVersions(s3, place, (version) => {
      const wanted = isWanted(version);
      if (wanted && version.latest) wouldChange(s3Uri(place.bucket, version.key));
      return wanted;
    }),
});
