import type { RunView } from './view.js';

/** Which image the training job was made with, or why that is not known; undefined for runs that did not look. */
export const imageDigestInWords = ({ imageDigest, imageDigestMissing }: RunView): string | undefined =>
  imageDigest ?? (imageDigestMissing === undefined ? undefined : `not known: ${imageDigestMissing}`);

/** Those that the training job was made with, the run's own `--set` among them. */
export function hyperparametersInWords({ training }: RunView): string | undefined {
  if (!training) return undefined;
  const pairs = Object.entries(training.hyperparameters).map(([name, value]) => `${name}=${value}`);
  return pairs.sort().join(', ') || 'none';
}
