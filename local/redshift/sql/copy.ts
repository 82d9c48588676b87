import { SqlError } from '../protocol/messages.js';
import { type Token } from './lexer.js';
import {
  delimiterOf,
  type Options,
  placeOf,
  readFormat,
  Reader,
  readOptions,
  readRole,
  readSwitch,
  type S3Place,
} from './options.js';

/** COPY … FROM 's3://…', read. */
export interface CopyStatement {
  /** As it stands in the statement. */
  readonly table: string;
  /** Those that are named; none for all. */
  readonly columns: readonly string[];
  readonly from: S3Place;
  role?: string;
  csv: boolean;
  quote: string;
  delimiter?: string;
  timeFormat?: string;
  dateFormat?: string;
  ignoreHeader: number;
  manifest: boolean;
  nullAs?: string;
  blanksAsNull: boolean;
  emptyAsNull: boolean;
  gzip: boolean;
  acceptInvalid?: string;
}

const options: Options<CopyStatement> = {
  IAM_ROLE: (reader, copy) => void (copy.role = readRole(reader)),
  FORMAT: (reader, copy) => {
    readFormat(reader);
    copy.csv = true;
    readQuote(reader, copy);
  },
  CSV: (reader, copy) => {
    copy.csv = true;
    readQuote(reader, copy);
  },
  DELIMITER: (reader, copy) => void (copy.delimiter = delimiterOf(reader.string())),
  TIMEFORMAT: (reader, copy) => void (copy.timeFormat = reader.string()),
  DATEFORMAT: (reader, copy) => void (copy.dateFormat = reader.string()),
  IGNOREHEADER: (reader, copy) => void (copy.ignoreHeader = reader.number()),
  REGION: (reader) => void reader.string(),
  MANIFEST: (_reader, copy) => void (copy.manifest = true),
  NULL: (reader, copy) => {
    reader.word('AS');
    copy.nullAs = reader.string();
  },
  BLANKSASNULL: (_reader, copy) => void (copy.blanksAsNull = true),
  EMPTYASNULL: (_reader, copy) => void (copy.emptyAsNull = true),
  GZIP: (_reader, copy) => void (copy.gzip = true),
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
  if (copy.role === undefined)
    throw new SqlError('42601', 'COPY needs an authorization: IAM_ROLE', {
      hint: "Write IAM_ROLE 'arn:aws:iam::<account>:role/<name>'.",
    });
  return copy;
}
