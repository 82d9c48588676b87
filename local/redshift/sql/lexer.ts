/** A piece of SQL text. `text` is as it stands there; spaces and comments are no tokens. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'number' | 'symbol';
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many parentheses it is within. */
  readonly depth: number;
}

const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const NUMBER = /\d+(\.\d+)?([eE][+-]?\d+)?/y;
const DOLLAR = /\$(\w*)\$/y;

function match(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}

/** The end of a text in quotes that begins at `at`; the end of all where it is not closed. */
function closing(sql: string, at: number, quote: string, backslash: boolean): number {
  for (let i = at + 1; i < sql.length; i += 1) {
    if (backslash && sql[i] === '\\') i += 1;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i += 1;
    }
  }
  return sql.length;
}

/** The end of a comment, which may hold others. */
function commentEnd(sql: string, at: number): number {
  let depth = 0;
  for (let i = at; i < sql.length; i += 1) {
    const two = sql.slice(i, i + 2);
    if (two === '/*') depth += 1;
    else if (two === '*/') depth -= 1;
    else continue;
    i += 1;
    if (depth === 0) return i + 1;
  }
  return sql.length;
}

/** Where the token that begins at `at` ends, and what it is; undefined for a space or comment, of which only the end is told. */
function next(sql: string, at: number, backslash: boolean): { kind?: Token['kind']; end: number } {
  const char = sql[at] as string;
  if (/\s/.test(char)) return { end: at + 1 };
  if (sql.startsWith('--', at)) {
    const line = sql.indexOf('\n', at);
    return { end: line === -1 ? sql.length : line + 1 };
  }
  if (sql.startsWith('/*', at)) return { end: commentEnd(sql, at) };
  if (char === "'") return { kind: 'string', end: closing(sql, at, "'", backslash) };
  if (char === '"') return { kind: 'quoted', end: closing(sql, at, '"', false) };
  if (/[eE]/.test(char) && sql[at + 1] === "'") return { kind: 'string', end: closing(sql, at + 1, "'", true) };
  const dollar = match(DOLLAR, sql, at);
  if (dollar !== undefined) {
    const close = sql.indexOf(dollar, at + dollar.length);
    return { kind: 'string', end: close === -1 ? sql.length : close + dollar.length };
  }
  const word = match(WORD, sql, at);
  if (word !== undefined) return { kind: 'word', end: at + word.length };
  const number = match(NUMBER, sql, at);
  if (number !== undefined) return { kind: 'number', end: at + number.length };
  return { kind: 'symbol', end: at + 1 };
}

/**
 * Cuts SQL into tokens.
 * @param backslash whether a backslash in a string escapes the character after it, as in Redshift's COPY and UNLOAD
 */
export function tokens(sql: string, backslash = false): Token[] {
  const found: Token[] = [];
  let depth = 0;
  for (let at = 0; at < sql.length;) {
    const { kind, end } = next(sql, at, backslash);
    const text = sql.slice(at, end);
    if (text === ')') depth = Math.max(0, depth - 1);
    if (kind !== undefined) found.push({ kind, text, start: at, end, depth });
    if (text === '(') depth += 1;
    at = end;
  }
  return found;
}

/** Whether a token is this word, in whatever case. */
export const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text.toUpperCase());

export const isSymbol = (token: Token | undefined, symbol: string): boolean =>
  token?.kind === 'symbol' && token.text === symbol;

/** `\\N` is COPY's word for null, and stays one. */
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', N: '\\N' };
const unescaped = (code: string) =>
  code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : (ESCAPES[code] ?? code);

/** What a string token stands for. */
export function valueOf({ text }: Token, backslash = false): string {
  const dollar = match(DOLLAR, text, 0);
  if (dollar !== undefined) return text.slice(dollar.length, -dollar.length);
  const escaped = backslash || /^[eE]/.test(text);
  const inner = text.slice(text.indexOf("'") + 1, -1).replaceAll("''", "'");
  return escaped ? inner.replace(/\\([0-7]{3}|.)/gs, (_, code: string) => unescaped(code)) : inner;
}

/** The statements of a text, each with its tokens; without the semicolons between them. */
export function statements(sql: string, backslash = false): { sql: string; tokens: Token[] }[] {
  const parts: Token[][] = [[]];
  for (const token of tokens(sql, backslash)) {
    if (isSymbol(token, ';') && token.depth === 0) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts
    .filter((part) => part.length > 0)
    .map((part) => {
      const start = part[0]?.start ?? 0;
      return {
        sql: sql.slice(start, part.at(-1)?.end),
        tokens: part.map((token) => ({ ...token, start: token.start - start, end: token.end - start })),
      };
    });
}
