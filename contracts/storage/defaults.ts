import type { Storage } from './index.js';

// Without zod, so that workflows can import it.

/** Everything that Perennial writes beside the models' own outputs lies under this prefix of a bucket; no mirror, manifest or purge touches it. */
export const RECORDS_PREFIX = '_perennial/';

/** What holds where no storage file was applied: records go to the bucket of the first target, nothing is mirrored or copied. */
export const defaultStorage = (bucketName: string): Storage => ({
  records: { bucket: bucketName },
  mirrors: [],
  copies: [],
  purge: { confirmAbove: 100 },
});
