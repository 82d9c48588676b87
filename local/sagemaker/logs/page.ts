import type { Line, LogContent } from './content.js';

/** CloudWatch: an answer holds a megabyte at most. */
const LARGEST_PAGE = 1024 * 1024;

/** What GetLogEvents asks for. */
export interface PageQuery {
  readonly forward: boolean;
  /** Where a token says to go on: the next byte of a forward page, the byte after the last one of a backward page. */
  readonly position?: number;
  /** Epoch milliseconds: included, and no longer included. */
  readonly startTime?: number;
  readonly endTime?: number;
  /** Events. */
  readonly limit: number;
  /** Nothing will be added to the last line. */
  readonly ended: boolean;
}

export interface Page {
  readonly lines: readonly Line[];
  /** Where the page before and the one after it go on. */
  readonly start: number;
  readonly end: number;
}

/** One page of a log. Empty lines are none of its events, as CloudWatch has no empty ones. */
export function pageOf(content: LogContent, query: PageQuery): Page {
  return query.forward ? forward(content, query) : backward(content, query);
}

function forward(content: LogContent, query: PageQuery): Page {
  const { startTime, endTime, limit, ended } = query;
  const wished =
    query.position ?? (startTime === undefined ? content.start : content.lineFrom(content.before(startTime)));
  const start = Math.min(Math.max(wished, content.start), content.end);
  const to = Math.min(start + LARGEST_PAGE, content.end);
  const lines: Line[] = [];
  let end = start;
  for (const line of content.lines(start, to, ended && to === content.end)) {
    if (endTime !== undefined && line.timestamp >= endTime) break;
    if (lines.length === limit) break;
    end = line.end;
    if (line.text !== '' && line.timestamp >= (startTime ?? 0)) lines.push(line);
  }
  return { lines, start, end };
}

function backward(content: LogContent, query: PageQuery): Page {
  const { startTime = 0, endTime = Infinity, limit, ended } = query;
  const to = Math.min(query.position ?? content.end, content.end);
  const from = content.lineFrom(Math.max(to - LARGEST_PAGE, content.start));
  const all = [...content.lines(from, to, ended && to === content.end)];
  const wanted = all.filter(({ text, timestamp }) => text !== '' && timestamp >= startTime && timestamp < endTime);
  const lines = wanted.slice(-limit);
  // The lines that were passed over on the way are not looked at again, unless there is nothing before them.
  const start = wanted.length > limit ? (lines[0]?.start ?? from) : (all[0]?.start ?? Math.min(from, to));
  return { lines, start, end: all.at(-1)?.end ?? to };
}
