import { userInfo } from 'node:os';
import { usageError } from './errors.js';

/** The longest note: it stands in the run's history, in Slack and in the records. */
const LONGEST_NOTE = 1_000;

/** Who asks, where they don't say: the user of this machine. */
function whoAsks(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list, as containers have.
    return env['USER'] ?? `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Who decides something, and why, of a command's --by and --note. Throws a usage error for an empty name or a note that is too long. */
export function decisionOf(
  { by: given, note }: { readonly by?: string | undefined; readonly note?: string | undefined },
  env: NodeJS.ProcessEnv,
): { readonly by: string; readonly note?: string } {
  const by = given ?? whoAsks(env);
  if (by.trim() === '') throw usageError('--by is empty: say who decides');
  if ((note?.length ?? 0) > LONGEST_NOTE) throw usageError(`--note has over ${LONGEST_NOTE} characters: shorten it`);
  return { by, ...(note === undefined ? {} : { note }) };
}
