import { isSymbol, isWord, statements, type Token, valueOf } from './lexer.js';
import { translate } from './translate.js';

/** What a session does with a statement. */
export interface Statement {
  /** `copy`, `unload` and `cancel` are carried out here; `relay` goes to PostgreSQL as `sql`. */
  readonly kind: 'relay' | 'copy' | 'unload' | 'cancel';
  /** As received. */
  readonly text: string;
  readonly tokens: readonly Token[];
  /** For PostgreSQL. */
  readonly sql: string;
  /** As sys_query_history tells it. */
  readonly type: string;
  /** The label that statements have from its success on. */
  readonly label?: string;
  /** Whether the label holds only to the end of the transaction. */
  readonly labelIsLocal?: boolean;
  /** BEGIN, COMMIT and the like. */
  readonly endsOrBegins: boolean;
}

/** The label of statements where no query_group is set. */
export const DEFAULT_LABEL = 'default';

const DDL = ['CREATE', 'ALTER', 'DROP', 'TRUNCATE', 'GRANT', 'REVOKE', 'COMMENT'];
const PLAIN = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'UNLOAD', 'COPY'];
const UTILITY = [
  'BEGIN',
  'START',
  'COMMIT',
  'END',
  'ROLLBACK',
  'ABORT',
  'SET',
  'RESET',
  'SHOW',
  'CANCEL',
  'ANALYZE',
  'VACUUM',
];
const TRANSACTION = ['BEGIN', 'START', 'COMMIT', 'END', 'ROLLBACK', 'ABORT'];

function typeOf(all: readonly Token[]): string {
  const word = all[0]?.text.toUpperCase() ?? '';
  if (word === 'WITH') return 'SELECT';
  if (PLAIN.includes(word)) return word;
  if (
    word === 'CREATE' &&
    all.some((token) => token.depth === 0 && isWord(token, 'AS')) &&
    all.some((t) => isWord(t, 'TABLE'))
  )
    return 'CTAS';
  if (DDL.includes(word)) return 'DDL';
  return UTILITY.includes(word) ? 'UTILITY' : 'OTHER';
}

/** SET query_group TO 'x', RESET query_group, RESET ALL, DISCARD ALL. */
function labelOf(all: readonly Token[]): Pick<Statement, 'label' | 'labelIsLocal'> {
  const rest = isWord(all[1], 'SESSION', 'LOCAL') ? all.slice(2) : all.slice(1);
  if (isWord(all[0], 'RESET', 'DISCARD') && isWord(all[1], 'QUERY_GROUP', 'ALL')) return { label: DEFAULT_LABEL };
  if (!isWord(all[0], 'SET') || !isWord(rest[0], 'QUERY_GROUP')) return {};
  const value = rest[2];
  if (!(isWord(rest[1], 'TO') || isSymbol(rest[1], '=')) || !value) return {};
  const label = value.kind === 'string' ? valueOf(value) : isWord(value, 'DEFAULT') ? DEFAULT_LABEL : value.text;
  return { label, labelIsLocal: isWord(all[1], 'LOCAL') };
}

function kindOf(all: readonly Token[]): Statement['kind'] {
  if (isWord(all[0], 'COPY')) return 'copy';
  if (isWord(all[0], 'UNLOAD')) return 'unload';
  if (isWord(all[0], 'CANCEL')) return 'cancel';
  return 'relay';
}

/** The statements of a text. Those that name a password never keep it. */
export function readStatements(text: string): Statement[] {
  // COPY and UNLOAD know \' in their strings; PostgreSQL doesn't.
  const backslash = /(^|;)\s*(copy|unload)\b/i.test(text);
  return statements(text, backslash).map(({ sql, tokens }) => ({
    kind: kindOf(tokens),
    text: sql,
    tokens,
    sql: translate(sql, tokens),
    type: typeOf(tokens),
    endsOrBegins: isWord(tokens[0], ...TRANSACTION),
    ...labelOf(tokens),
  }));
}

/** A text as it may be kept: without passwords. */
export const withoutPasswords = (text: string): string => text.replace(/\b(password\s+)'(?:[^']|'')*'/gi, "$1'***'");
