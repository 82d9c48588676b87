import type { Message } from './frames.js';

/** What a transaction is in, as ReadyForQuery says it: none, one, one that has failed. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** An error that the client is told, with its SQLSTATE. */
export class SqlError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly more: { readonly detail?: string; readonly hint?: string } = {},
  ) {
    super(message);
    this.name = 'SqlError';
  }
}

/** An error of the database behind, with the message that carried it. */
export class UpstreamError extends SqlError {
  constructor(
    code: string,
    message: string,
    readonly fields: ReadonlyMap<string, string>,
    readonly bytes: Buffer,
  ) {
    super(code, message);
  }
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(length, 1);
  return Buffer.concat([header, ...parts], length + 1);
}

const text = (value: string) => Buffer.from(`${value}\0`);

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function report(type: 'E' | 'N', severity: string, { code, message: words, more }: SqlError): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${words}`];
  if (more.detail !== undefined) fields.push(`D${more.detail}`);
  if (more.hint !== undefined) fields.push(`H${more.hint}`);
  return message(type, ...fields.map(text), Buffer.from([0]));
}

export const errorResponse = (error: SqlError) =>
  error instanceof UpstreamError ? error.bytes : report('E', 'ERROR', error);
export const fatalResponse = (error: SqlError) => report('E', 'FATAL', error);
/** What Redshift says beside a result, such as how many rows it loaded. */
export const infoResponse = (words: string) => report('N', 'INFO', new SqlError('00000', words));
export const commandComplete = (tag: string) => message('C', text(tag));
export const readyForQuery = (status: TransactionStatus) => message('Z', Buffer.from(status));
export const authentication = (kind: number) => message('R', int32(kind));
export const parameterStatus = (name: string, value: string) => message('S', text(name), text(value));
export const backendKeyData = (pid: number, secret: Buffer) => message('K', int32(pid), secret);
export const query = (sql: string) => message('Q', text(sql));
export const parse = (name: string, sql: string, types: Buffer = Buffer.alloc(2)) =>
  message('P', text(name), text(sql), types);
export const describeStatement = (name: string) => message('D', text(`S${name}`));
export const sync = () => message('S');
export const terminate = () => message('X');
export const copyData = (data: Buffer) => message('d', data);
export const copyDone = () => message('c');
export const copyFail = (why: string) => message('f', text(why));

/** Reads the parts of a message's body in their order. */
export class Body {
  private at = 5;
  constructor(private readonly bytes: Buffer) {}

  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    const value = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return value;
  }

  byte(): string {
    return String.fromCharCode(this.bytes[this.at++] as number);
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  take(length: number): Buffer {
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  rest(): Buffer {
    return this.bytes.subarray(this.at);
  }
}

/** The error that an ErrorResponse tells. */
export function errorOf({ bytes }: Message): UpstreamError {
  const body = new Body(bytes);
  const fields = new Map<string, string>();
  for (let key = body.byte(); key !== '\0'; key = body.byte()) fields.set(key, body.text());
  return new UpstreamError(fields.get('C') ?? 'XX000', fields.get('M') ?? '', fields, bytes);
}

/** The values of a DataRow in text form. */
export function valuesOf({ bytes }: Message): (string | null)[] {
  const body = new Body(bytes);
  return Array.from({ length: body.int16() }, () => {
    const length = body.int32();
    return length === -1 ? null : body.take(length).toString();
  });
}

export interface Column {
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
}

/** The columns of a RowDescription. */
export function columnsOf({ bytes }: Message): Column[] {
  const body = new Body(bytes);
  return Array.from({ length: body.int16() }, () => {
    const name = body.text();
    body.take(6);
    const type = body.int32();
    body.int16();
    const modifier = body.int32();
    body.int16();
    return { name, type, modifier };
  });
}

/** The tag of a CommandComplete, and the rows that it counts. */
export function completionOf({ bytes }: Message): { tag: string; rows: number } {
  const tag = new Body(bytes).text();
  return { tag, rows: Number(/ (\d+)$/.exec(tag)?.[1] ?? 0) };
}
