import { SqlError } from '../protocol/messages.js';
import { isSymbol, isWord, type Token, valueOf } from './lexer.js';

const syntaxError = (token: Token | undefined) =>
  new SqlError('42601', token ? `syntax error at or near "${token.text}"` : 'syntax error at end of input');

/** Reads a statement's tokens one after another. */
export class Reader {
  private at = 0;
  constructor(
    private readonly sql: string,
    private readonly all: readonly Token[],
  ) {}

  get done(): boolean {
    return this.at >= this.all.length;
  }

  peek(): Token | undefined {
    return this.all[this.at];
  }

  /** The next token, if it is one of these words. */
  word(...words: readonly string[]): string | undefined {
    const token = this.peek();
    if (!isWord(token, ...words)) return undefined;
    this.at += 1;
    return token?.text.toUpperCase();
  }

  symbol(symbol: string): boolean {
    if (!isSymbol(this.peek(), symbol)) return false;
    this.at += 1;
    return true;
  }

  expectWord(...words: readonly string[]): string {
    return this.word(...words) ?? this.fail();
  }

  expectSymbol(symbol: string): void {
    if (!this.symbol(symbol)) this.fail();
  }

  /** Any word, such as the name of an option. */
  name(): string {
    const token = this.peek();
    if (token?.kind !== 'word') this.fail();
    this.at += 1;
    return (token as Token).text.toUpperCase();
  }

  optionalString(): string | undefined {
    const token = this.peek();
    if (token?.kind !== 'string') return undefined;
    this.at += 1;
    return valueOf(token, true);
  }

  string(): string {
    return this.optionalString() ?? this.fail();
  }

  optionalNumber(): number | undefined {
    const token = this.peek();
    if (token?.kind !== 'number') return undefined;
    this.at += 1;
    return Number(token.text);
  }

  number(): number {
    return this.optionalNumber() ?? this.fail();
  }

  /** The text up to one of these words outside of parentheses, as it stands. */
  until(...words: readonly string[]): string {
    const first = this.peek() ?? this.fail();
    while (!this.done && !isWord(this.peek(), ...words)) this.at += 1;
    return this.sql.slice(first.start, this.all[this.at - 1]?.end);
  }

  fail(): never {
    throw syntaxError(this.peek());
  }
}

/** What a word after the source or target sets. `AS` is optional everywhere, as it is in Redshift. */
export type Options<T> = Readonly<Record<string, (reader: Reader, options: T) => void>>;

/**
 * Reads options in any order and case.
 * @throws SqlError that names an option that is not known or is given twice
 */
export function readOptions<T>(statement: string, reader: Reader, known: Options<T>, into: T): void {
  const seen = new Set<string>();
  while (!reader.done) {
    const name = reader.name();
    const read = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!read)
      throw new SqlError('0A000', `${statement} option ${name} is not one that the local Redshift knows`, {
        hint: `It knows ${Object.keys(known).join(', ')}.`,
      });
    if (seen.has(name)) throw new SqlError('42601', `conflicting or redundant options: ${name}`);
    seen.add(name);
    reader.word('AS');
    read(reader, into);
  }
}

/** A delimiter: one character, '\t' or '\ddd'. */
export function delimiterOf(text: string): string {
  // Where the backslash was written twice.
  if (text === '\\t') return '\t';
  const octal = /^\\([0-3][0-7]{2})$/.exec(text)?.[1];
  const char = octal ? String.fromCharCode(Number.parseInt(octal, 8)) : text;
  if (char.length !== 1 || char.charCodeAt(0) > 127)
    throw new SqlError('42601', 'COPY delimiter must be a single ASCII character');
  return char;
}

/** IAM_ROLE: an ARN, or default. */
function readRole(reader: Reader): string {
  if (reader.word('DEFAULT')) return 'default';
  const role = reader.string();
  if (role !== 'default' && !/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+(,arn:\S+)*$/.test(role))
    throw new SqlError('22023', 'Invalid IAM_ROLE: it is no ARN of a role', {
      hint: "Write IAM_ROLE 'arn:aws:iam::<account>:role/<name>'.",
    });
  return role;
}

/** ON, OFF, TRUE or FALSE, or nothing. */
export const readSwitch = (reader: Reader): boolean =>
  !['OFF', 'FALSE'].includes(reader.word('ON', 'OFF', 'TRUE', 'FALSE') ?? '');

/** FORMAT CSV: the one format that is told by name. */
function readFormat(reader: Reader): void {
  reader.word('AS');
  if (reader.word('CSV')) return;
  throw new SqlError('0A000', `FORMAT ${reader.name()} is not one that the local Redshift knows`, {
    hint: 'It knows CSV, and delimited text without FORMAT.',
  });
}

/** What COPY and UNLOAD share. */
export interface Transfer {
  role?: string;
  csv: boolean;
  delimiter?: string;
  /** The text that stands for a null. */
  nullAs?: string;
  gzip: boolean;
}

/** Options that mean the same in COPY and UNLOAD. */
export const transferOptions: Options<Transfer> = {
  IAM_ROLE: (reader, transfer) => void (transfer.role = readRole(reader)),
  FORMAT: (reader, transfer) => {
    readFormat(reader);
    transfer.csv = true;
  },
  CSV: (_reader, transfer) => void (transfer.csv = true),
  DELIMITER: (reader, transfer) => void (transfer.delimiter = delimiterOf(reader.string())),
  NULL: (reader, transfer) => {
    reader.word('AS');
    transfer.nullAs = reader.string();
  },
  GZIP: (_reader, transfer) => void (transfer.gzip = true),
  // There is one region.
  REGION: (reader) => void reader.string(),
};

/** @throws SqlError where nothing says with whose rights S3 is reached */
export function checkRole(statement: string, { role }: Transfer): void {
  if (role !== undefined) return;
  throw new SqlError('42601', `${statement} needs an authorization: IAM_ROLE`, {
    hint: "Write IAM_ROLE 'arn:aws:iam::<account>:role/<name>'.",
  });
}

export interface S3Place {
  readonly bucket: string;
  readonly key: string;
}

/** The bucket and key of an S3 URI. */
export function placeOf(uri: string): S3Place {
  const found = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(uri);
  if (!found)
    throw new SqlError(
      '0A000',
      'LOAD source is not supported. (Hint: only S3 or DynamoDB or EMR based load is allowed)',
    );
  return { bucket: found[1] as string, key: found[2] ?? '' };
}
