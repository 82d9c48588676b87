import type { PurgeForgetInput } from '../../contracts/purge/process.js';
import { storageOf } from './input.js';
import { erasing } from './profiles.js';

/** What a purge that is not to be resumed leaves behind in plain: tombstones of its prefixes, and then its list of targets. */
export async function purgeForget(input: PurgeForgetInput): Promise<void> {
  const { targetsUri, ref } = input;
  const work = { ref, storage: await storageOf(input), targetsUri, options: {} };
  await erasing.settleTombstones(work);
  await erasing.forgetTargets(work);
}
