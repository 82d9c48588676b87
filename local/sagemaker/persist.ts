import { setTimeout as sleep } from 'node:timers/promises';

const AGAIN_MS = 500;

/**
 * Writes an outcome that nobody can be told to ask for again, trying until the disk takes it. Gives up, with nothing
 * written, once `signal` is aborted: the next start finds the state before and carries on from there.
 */
export async function untilStored(
  write: () => void,
  onRefused: (error: unknown) => void,
  signal: AbortSignal,
): Promise<boolean> {
  let told = false;
  while (!signal.aborted) {
    try {
      write();
      return true;
    } catch (error) {
      if (!told) onRefused(error);
      told = true;
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}
