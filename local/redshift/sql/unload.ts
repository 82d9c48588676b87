import { SqlError } from '../protocol/messages.js';
import { isWord, statements, type Token } from './lexer.js';
import {
  checkRole,
  type Options,
  placeOf,
  Reader,
  readOptions,
  readSwitch,
  type S3Place,
  type Transfer,
  transferOptions,
} from './options.js';

const MIB = 1024 * 1024;
const LEAST_FILE = 5 * MIB;
const LARGEST_FILE = Math.round(6.2 * 1024 * MIB);

/** UNLOAD ('query') TO 's3://…', read. */
export interface UnloadStatement extends Transfer {
  readonly query: string;
  readonly to: S3Place;
  header: boolean;
  nullAs: string;
  addQuotes: boolean;
  manifest: false | 'plain' | 'verbose';
  encrypted: boolean;
  kmsKeyId?: string;
  parallel: boolean;
  maxFileSize: number;
  allowOverwrite: boolean;
  cleanPath: boolean;
  extension?: string;
}

function readFileSize(reader: Reader): number {
  const size = reader.number() * (reader.word('MB', 'GB') === 'GB' ? 1024 * MIB : MIB);
  if (size < LEAST_FILE || size > LARGEST_FILE)
    throw new SqlError('22023', 'MAXFILESIZE must be between 5 MB and 6.2 GB');
  return size;
}

const options: Options<UnloadStatement> = {
  ...transferOptions,
  HEADER: (_reader, unload) => void (unload.header = true),
  ADDQUOTES: (_reader, unload) => void (unload.addQuotes = true),
  MANIFEST: (reader, unload) => void (unload.manifest = reader.word('VERBOSE') ? 'verbose' : 'plain'),
  ENCRYPTED: (_reader, unload) => void (unload.encrypted = true),
  KMS_KEY_ID: (reader, unload) => void (unload.kmsKeyId = reader.string()),
  PARALLEL: (reader, unload) => void (unload.parallel = readSwitch(reader)),
  MAXFILESIZE: (reader, unload) => void (unload.maxFileSize = readFileSize(reader)),
  ALLOWOVERWRITE: (_reader, unload) => void (unload.allowOverwrite = true),
  CLEANPATH: (_reader, unload) => void (unload.cleanPath = true),
  EXTENSION: (reader, unload) => void (unload.extension = reader.string()),
};

/** Options that exclude or need one another. */
function checkTogether(unload: UnloadStatement): void {
  const fault = (message: string) => new SqlError('22023', message);
  checkRole('UNLOAD', unload);
  if (unload.allowOverwrite && unload.cleanPath) throw fault('ALLOWOVERWRITE and CLEANPATH can not be given together');
  if (unload.kmsKeyId !== undefined && !unload.encrypted) throw fault('KMS_KEY_ID needs ENCRYPTED');
  if (unload.encrypted && unload.kmsKeyId === undefined)
    throw fault('ENCRYPTED needs KMS_KEY_ID: the local Redshift encrypts on the server only');
  if (unload.csv && unload.addQuotes) throw fault('CSV and ADDQUOTES can not be given together');
}

/** The one query that may be unloaded, without its semicolon. */
function checkQuery(text: string): string {
  const [query, ...others] = statements(text);
  if (!query || others.length > 0 || !isWord(query.tokens[0], 'SELECT', 'WITH'))
    throw new SqlError('42601', 'UNLOAD takes one SELECT query');
  if (query.tokens.some((token) => token.depth === 0 && isWord(token, 'LIMIT')))
    throw new SqlError('0A000', 'Limit clause is not supported');
  return query.sql;
}

/**
 * Reads an UNLOAD.
 * @throws SqlError for what the local Redshift would pass over in silence
 */
export function readUnload(sql: string, all: readonly Token[]): UnloadStatement {
  const reader = new Reader(sql, all);
  reader.expectWord('UNLOAD');
  reader.expectSymbol('(');
  const query = reader.string();
  reader.expectSymbol(')');
  reader.expectWord('TO');
  const unload: UnloadStatement = {
    query: checkQuery(query),
    to: placeOf(reader.string()),
    csv: false,
    header: false,
    nullAs: '',
    addQuotes: false,
    gzip: false,
    manifest: false,
    encrypted: false,
    parallel: true,
    maxFileSize: LARGEST_FILE,
    allowOverwrite: false,
    cleanPath: false,
  };
  readOptions('UNLOAD', reader, options, unload);
  checkTogether(unload);
  return unload;
}
