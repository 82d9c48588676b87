import { isPassing } from '../purge/failures.js';

const TRIES = 5;
const FIRST_PAUSE_MS = 50;

/** Does something again that a passing fault broke: one object's bad moment must not send the whole purge back to its start. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error) || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** attempt));
    }
  }
}
