import { userInfo } from 'node:os';
import { usageError } from './errors.js';

/** The longest note: it stands in the run's history, in Slack and in the records. */
const LONGEST_NOTE = 1_000;
const LONGEST_NAME = 100;

/** Who asks, where they don't say: the user of this machine. */
function whoAsks(env: NodeJS.ProcessEnv): string {
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list, as containers have.
    return env['USER'] ?? `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** In one line, and without what would move the cursor of the terminal that shows it to somebody else. */
const plain = (text: string) => text.replace(/\p{Cc}+/gu, ' ').trim();

/** Who decides something, and why, of a command's --by and --note. Throws a usage error for an empty name, or a name or note that is too long. */
export function decisionOf(
  { by: given, note }: { readonly by?: string | undefined; readonly note?: string | undefined },
  env: NodeJS.ProcessEnv,
): { readonly by: string; readonly note?: string } {
  const by = plain(given ?? whoAsks(env));
  if (by === '') throw usageError('--by is empty: say who decides');
  if (by.length > LONGEST_NAME) throw usageError(`--by has over ${LONGEST_NAME} characters: shorten it`);
  const why = plain(note ?? '');
  if (why.length > LONGEST_NOTE) throw usageError(`--note has over ${LONGEST_NOTE} characters: shorten it`);
  return { by, ...(why === '' ? {} : { note: why }) };
}
