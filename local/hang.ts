import { setTimeout as sleep } from 'node:timers/promises';
import { processorTime, type ProcessId } from './processes.js';

const PROBE_EVERY_MS = 5_000;
/** Probes in a row without an answer after which a process that does nothing at all counts as hung. */
const IDLE_PROBES = 4;
/** The same for one that works: a machine under load may take its time. */
const BUSY_PROBES = 24;

/**
 * Probes a process again and again until told to stop, and reports it once if it hangs without dying.
 *
 * A slow process is not a hung one: as long as it uses processor time it gets six times the patience. Where the system doesn't tell,
 * every process gets it.
 * @param hangs called with how many seconds there was no answer
 */
export function watchForHang(
  id: ProcessId,
  alive: () => Promise<boolean>,
  hangs: (seconds: number) => void,
  everyMs: number = PROBE_EVERY_MS,
): { stop(): void } {
  const stopped = new AbortController();
  const pause = () => sleep(everyMs, true, { signal: stopped.signal, ref: false }).catch(() => false);

  const watch = async (): Promise<void> => {
    let since = performance.now();
    let [idle, silent] = [0, 0];
    let used = await processorTime(id.pid);
    while (await pause()) {
      const before = used;
      const answered = await alive();
      if (stopped.signal.aborted) return;
      used = await processorTime(id.pid);
      if (answered) {
        [since, idle, silent] = [performance.now(), 0, 0];
        continue;
      }
      silent += 1;
      idle = used !== undefined && used === before ? idle + 1 : 0;
      if (idle < IDLE_PROBES && silent < BUSY_PROBES) continue;
      hangs(Math.round((performance.now() - since) / 1_000));
      return;
    }
  };
  void watch();
  return { stop: () => stopped.abort() };
}
