import { type Token } from './lexer.js';
import {
  checkRole,
  delimiterOf,
  type Options,
  placeOf,
  Reader,
  readOptions,
  readSwitch,
  type S3Place,
  type Transfer,
  transferOptions,
} from './options.js';

/** COPY … FROM 's3://…', read. */
export interface CopyStatement extends Transfer {
  /** As it stands in the statement. */
  readonly table: string;
  /** Those that are named; none for all. */
  readonly columns: readonly string[];
  readonly from: S3Place;
  quote: string;
  timeFormat?: string;
  dateFormat?: string;
  ignoreHeader: number;
  manifest: boolean;
  blanksAsNull: boolean;
  emptyAsNull: boolean;
  acceptInvalid?: string;
}

const options: Options<CopyStatement> = {
  ...transferOptions,
  FORMAT: (reader, copy) => {
    transferOptions['FORMAT']?.(reader, copy);
    readQuote(reader, copy);
  },
  CSV: (reader, copy) => {
    transferOptions['CSV']?.(reader, copy);
    readQuote(reader, copy);
  },
  TIMEFORMAT: (reader, copy) => void (copy.timeFormat = reader.string()),
  DATEFORMAT: (reader, copy) => void (copy.dateFormat = reader.string()),
  IGNOREHEADER: (reader, copy) => void (copy.ignoreHeader = reader.number()),
  MANIFEST: (_reader, copy) => void (copy.manifest = true),
  BLANKSASNULL: (_reader, copy) => void (copy.blanksAsNull = true),
  EMPTYASNULL: (_reader, copy) => void (copy.emptyAsNull = true),
  ACCEPTINVCHARS: (reader, copy) => void (copy.acceptInvalid = reader.optionalString() ?? '?'),
  // They say how Redshift stores the rows, and change none of them.
  COMPUPDATE: (reader) => void (reader.word('PRESET') ?? readSwitch(reader)),
  STATUPDATE: (reader) => void readSwitch(reader),
};

function readQuote(reader: Reader, copy: CopyStatement): void {
  if (!reader.word('QUOTE')) return;
  reader.word('AS');
  copy.quote = delimiterOf(reader.string());
}

/**
 * Reads a COPY.
 * @throws SqlError for a source that is not S3, and for what the local Redshift would pass over in silence
 */
export function readCopy(sql: string, all: readonly Token[]): CopyStatement {
  const reader = new Reader(sql, all);
  reader.expectWord('COPY');
  const target = reader.until('FROM', 'TO');
  reader.expectWord('FROM');
  const uri = reader.optionalString();
  if (uri === undefined) placeOf('');
  const open = all.findIndex((token, index) => index > 0 && token.text === '(');
  const listed = open !== -1 && (all[open]?.start ?? 0) < target.length + (all[1]?.start ?? 0);
  const table = listed ? sql.slice(all[1]?.start, all[open]?.start).trim() : target;
  const columns = listed ? target.slice(target.indexOf('(') + 1, -1).split(',') : [];
  const copy: CopyStatement = {
    table,
    columns: columns.map((column) => column.trim().replace(/^"(.*)"$/, '$1')),
    from: placeOf(uri ?? ''),
    csv: false,
    quote: '"',
    ignoreHeader: 0,
    manifest: false,
    blanksAsNull: false,
    emptyAsNull: false,
    gzip: false,
  };
  readOptions('COPY', reader, options, copy);
  checkRole('COPY', copy);
  return copy;
}
