import type { LogLine, LogPage } from '../../contracts/insight.js';

/** A line of one of several programs. */
export interface LogEntry extends LogLine {
  readonly stream: string;
}

/**
 * Brings the pages of several streams into one order, by time. A line is held back while another stream, of which more is there already, may
 * still have earlier ones.
 */
export class Interleaver {
  readonly cursors: Record<string, string> = {};
  private held: LogEntry[] = [];

  get streams(): number {
    return Object.keys(this.cursors).length;
  }

  /** Takes the next page of each stream; answers the lines whose turn it is. */
  add(pages: readonly LogPage[]): LogEntry[] {
    let upTo = Number.POSITIVE_INFINITY;
    for (const { stream, lines, cursor, more } of pages) {
      this.cursors[stream] = cursor;
      this.held.push(...lines.map((line) => ({ ...line, stream })));
      const last = lines.at(-1);
      if (more && last) upTo = Math.min(upTo, last.at);
    }
    // Stable: lines of one moment stay in the order of their stream.
    this.held.sort((a, b) => a.at - b.at);
    const ready = this.held.filter(({ at }) => at <= upTo);
    this.held = this.held.filter(({ at }) => at > upTo);
    return ready;
  }
}

/** What a stream's program is called: `algo-1` of `<job>/algo-1-<epoch>`, `variant/instance` of an endpoint's, else all but the time. */
export function hostOf(stream: string): string {
  return /^[^/]+\/(algo-\d+)-\d+$/.exec(stream)?.[1] ?? stream.replace(/-\d{10,}(?=$|\/data-log$)/, '');
}
