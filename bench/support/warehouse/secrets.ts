import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const LOOK_EVERY_MS = 1_000;

/** Command lines of all processes, as they come and go. */
export class CommandLines {
  readonly #seen = new Set<string>();
  readonly #timer = setInterval(() => void this.#look().catch(() => undefined), LOOK_EVERY_MS);

  async #look(): Promise<void> {
    const { stdout } = await promisify(execFile)('ps', ['-eo', 'args='], { maxBuffer: 16 * 1_048_576 });
    for (const line of stdout.split('\n')) this.#seen.add(line);
  }

  /** All that were seen so far, and now. */
  async text(): Promise<string> {
    await this.#look();
    return [...this.#seen].join('\n');
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Which places hold a secret, in words without it. */
export function leaks(places: Readonly<Record<string, string>>, secrets: Iterable<string>): string[] {
  const all = [...secrets];
  return Object.entries(places).flatMap(([place, text]) => {
    // Encoded as in a URL it is the same secret.
    const found = all.filter((secret) => text.includes(secret) || text.includes(encodeURIComponent(secret)));
    return found.length > 0 ? [`${found.length} secrets stand in ${place}`] : [];
  });
}
