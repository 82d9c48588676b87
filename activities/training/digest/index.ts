import type { ECRClient } from '@aws-sdk/client-ecr';
import { setTimeout as sleep } from 'node:timers/promises';
import { DIGEST, parseImage, type ImageIdentity } from '../../../contracts/images.js';
import { TAGS } from '../../../contracts/names.js';
import { tagValue } from '../../resources.js';
import { digestInEcr, ecrRepository } from './ecr.js';
import { digestInRegistry } from './registry.js';

/** Finds out which image a URI names now. Never fails, and takes a few seconds at most. */
export type DigestOf = (image: string) => Promise<ImageIdentity>;

/** A registry that takes longer is not worth the run's time. */
const WITHIN_MS = 4_000;

export interface DigestDeps {
  /** The client of ECR in a region. */
  readonly ecr: (region: string) => ECRClient;
  readonly withinMs?: number;
}

/**
 * Asks the registry of an image for its digest: ECR with the worker's rights, another one as anybody. A run is not held up, and does
 * not fail, by a registry: what can't be had comes as a reason in words.
 */
export const createDigestOf =
  ({ ecr, withinMs = WITHIN_MS }: DigestDeps): DigestOf =>
  async (image) => {
    const name = parseImage(image);
    if (name.digest !== undefined)
      return DIGEST.test(name.digest)
        ? { imageDigest: name.digest }
        : missing(`the image names ${name.digest}, which is no sha256 digest`);
    if (name.registry === undefined) return missing('the image names no registry that could be asked');
    const signal = AbortSignal.timeout(withinMs);
    const repository = ecrRepository(name);
    const asked = repository
      ? digestInEcr(ecr(repository.region), repository, signal)
      : digestInRegistry(name.registry, name, signal);
    // Credentials that are slow to come heed no signal.
    const late = sleep(withinMs, undefined, { ref: false }).then(() => undefined);
    try {
      const imageDigest = await Promise.race([asked, late]);
      if (imageDigest !== undefined) return { imageDigest };
    } catch (error) {
      if (!signal.aborted) return missing(reasonOf(error));
    }
    asked.catch(() => undefined);
    return missing(`${name.registry} did not answer within ${withinMs / 1_000} s`);
  };

/** The digest that a training job carries. */
export function identityIn(tags: Parameters<typeof tagValue>[0]): ImageIdentity {
  const imageDigest = tagValue(tags, TAGS.image);
  return imageDigest === undefined ? missing('it was not known when the training job was made') : { imageDigest };
}

const missing = (imageDigestMissing: string): ImageIdentity => ({ imageDigestMissing });

/** A registry's own words are bounded: the reason stands in the run's record. */
const LONGEST_REASON = 300;

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').slice(0, LONGEST_REASON);
}
