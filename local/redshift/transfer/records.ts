/** The largest row that Redshift takes. */
const LARGEST_RECORD = 4 * 1024 * 1024;

export class RecordTooLong extends Error {}

/**
 * Cuts text into records and those into fields. Texts hold one character a byte, so that whatever stands there passes through unchanged.
 */
export interface RecordReader {
  /** The records that are whole by now. */
  push(text: string): string[][];
  /** The last one, which no line break may have ended. */
  end(): string[][];
}

const withoutReturn = (line: string) => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** Text with a delimiter and nothing else: a line is a record. */
export function delimitedReader(delimiter: string): RecordReader {
  let rest = '';
  const fields = (line: string) => withoutReturn(line).split(delimiter);
  return {
    push(text) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LARGEST_RECORD) throw new RecordTooLong();
      return lines.map(fields);
    },
    end: () => (rest === '' ? [] : [fields(rest)]),
  };
}

/** One record of CSV from `start` on; undefined if it does not end within the text. */
function csvRecord(text: string, start: number, delimiter: string, quote: string, last: boolean) {
  const fields: string[] = [];
  let [field, at] = ['', start];
  for (;;) {
    if (field === '' && text[at] === quote) {
      // A quote at the text's end may be the first half of a pair.
      let close = text.indexOf(quote, at + 1);
      while (close !== -1 && text[close + 1] === quote) close = text.indexOf(quote, close + 2);
      if (close === -1 || (close === text.length - 1 && !last)) return undefined;
      field = text.slice(at + 1, close).replaceAll(quote + quote, quote);
      at = close + 1;
    }
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    const found = text.indexOf(delimiter, at);
    if (found !== -1 && found < end) {
      fields.push(field + text.slice(at, found));
      [field, at] = ['', found + 1];
    } else {
      if (newline === -1 && !last) return undefined;
      fields.push(withoutReturn(field + text.slice(at, end)));
      return { fields, end: end + 1 };
    }
  }
}

/** CSV: a field in quotes may hold delimiters, line breaks and, doubled, quotes. */
export function csvReader(delimiter: string, quote: string): RecordReader {
  let rest = '';
  const read = (text: string, last: boolean) => {
    const records: string[][] = [];
    let at = 0;
    while (at < text.length) {
      const record = csvRecord(text, at, delimiter, quote, last);
      if (!record) break;
      records.push(record.fields);
      at = record.end;
    }
    rest = text.slice(at);
    if (rest.length > LARGEST_RECORD) throw new RecordTooLong();
    return records;
  };
  return { push: (text) => read(rest + text, false), end: () => read(rest, true) };
}
