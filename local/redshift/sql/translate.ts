import { isSymbol, isWord, type Token } from './lexer.js';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function edited(sql: string, edits: readonly Edit[]): string {
  let [result, at] = ['', 0];
  for (const { start, end, text } of [...edits].sort((a, b) => a.start - b.start)) {
    if (start < at) continue;
    result += sql.slice(at, start) + text;
    at = end;
  }
  return result + sql.slice(at);
}

/** The index of the parenthesis that closes the one at `open`. */
function closingOf(all: readonly Token[], open: number): number {
  const depth = all[open]?.depth ?? 0;
  const found = all.findIndex((token, index) => index > open && isSymbol(token, ')') && token.depth === depth);
  return found === -1 ? all.length - 1 : found;
}

const DATE_PARTS = ['DATEDIFF', 'DATE_DIFF', 'DATEADD', 'DATE_ADD'];

/** Functions and words that PostgreSQL has under another name, or that take a bare word. */
function expressionEdits(all: readonly Token[]): Edit[] {
  return all.flatMap((token, index): Edit[] => {
    const called = isSymbol(all[index + 1], '(');
    if (isSymbol(all[index - 1], '.')) return [];
    if (isWord(token, 'SYSDATE') && !called) return [{ ...token, text: 'localtimestamp' }];
    if (isWord(token, 'NVL') && called) return [{ ...token, text: 'coalesce' }];
    const part = all[index + 2];
    if (called && isWord(token, ...DATE_PARTS) && part?.kind === 'word' && isSymbol(all[index + 3], ','))
      return [
        { ...token, text: token.text.replace('_', '') },
        { ...part, text: `'${part.text}'` },
      ];
    return [];
  });
}

/** Storage attributes at `index` of a CREATE TABLE: how many tokens they are and what stands in their place. */
function attribute(all: readonly Token[], index: number): { count: number; text: string } | undefined {
  const token = all[index];
  const following = all[index + 1];
  const listed = (from: number) => (isSymbol(all[from], '(') ? closingOf(all, from) - index + 1 : from - index);
  if (isWord(token, 'COMPOUND', 'INTERLEAVED') && isWord(following, 'SORTKEY'))
    return { count: listed(index + 2), text: '' };
  if (isWord(token, 'SORTKEY') && isWord(following, 'AUTO')) return { count: 2, text: '' };
  if (isWord(token, 'DISTKEY', 'SORTKEY')) return { count: listed(index + 1), text: '' };
  if (isWord(token, 'DISTSTYLE') && isWord(following, 'EVEN', 'KEY', 'ALL', 'AUTO')) return { count: 2, text: '' };
  if (isWord(token, 'ENCODE') && following?.kind === 'word') return { count: 2, text: '' };
  if (isWord(token, 'BACKUP') && isWord(following, 'YES', 'NO')) return { count: 2, text: '' };
  if (isWord(token, 'IDENTITY') && isSymbol(following, '(') && !isWord(all[index - 1], 'AS')) {
    const [seed, step] = [all[index + 2]?.text, all[index + 4]?.text];
    return { count: 6, text: `GENERATED ALWAYS AS IDENTITY (START WITH ${seed} INCREMENT BY ${step})` };
  }
  if (isWord(token, 'IDENTITY') && isSymbol(following, '(') && all[index + 2]?.kind === 'number') {
    const [seed, step] = [all[index + 2]?.text, all[index + 4]?.text];
    return { count: 6, text: `IDENTITY (START WITH ${seed} INCREMENT BY ${step})` };
  }
  if (isWord(token, 'MAX') && isSymbol(all[index - 1], '(') && isSymbol(following, ')'))
    return { count: 1, text: '65535' };
  return undefined;
}

const isCreateTable = (all: readonly Token[]): boolean =>
  isWord(all[0], 'CREATE') && all.slice(1, 5).some((token) => isWord(token, 'TABLE'));

/** What Redshift knows of a table and PostgreSQL doesn't: how rows are spread, sorted and compressed. */
function tableEdits(all: readonly Token[]): Edit[] {
  if (!isCreateTable(all)) return [];
  // CREATE TABLE … AS: what follows is a query.
  const as = all.findIndex((token) => token.depth === 0 && isWord(token, 'AS'));
  const end = as === -1 ? all.length : as;
  const edits: Edit[] = [];
  for (let index = 2; index < end; index += 1) {
    // The first word of a column is its name, whatever the word.
    if (isSymbol(all[index - 1], ',') || (isSymbol(all[index - 1], '(') && !isWord(all[index], 'MAX'))) continue;
    const found = attribute(all, index);
    if (!found) continue;
    const last = all[index + found.count - 1] ?? all.at(-1);
    edits.push({ start: all[index]?.start ?? 0, end: last?.end ?? 0, text: found.text });
    index += found.count - 1;
  }
  return edits;
}

/** CREATE USER … PASSWORD DISABLE: one that logs in with temporary credentials only. */
function userEdits(all: readonly Token[]): Edit[] {
  if (!isWord(all[0], 'CREATE', 'ALTER') || !isWord(all[1], 'USER')) return [];
  const at = all.findIndex((token, index) => isWord(token, 'PASSWORD') && isWord(all[index + 1], 'DISABLE'));
  return at === -1 ? [] : [{ start: all[at]?.start ?? 0, end: all[at + 1]?.end ?? 0, text: '' }];
}

/** SET, RESET and SHOW of query_group: PostgreSQL keeps settings of others under names with a dot. */
function settingEdits(all: readonly Token[]): Edit[] {
  if (!isWord(all[0], 'SET', 'RESET', 'SHOW')) return [];
  const name = all.slice(1, 3).find((token) => isWord(token, 'QUERY_GROUP'));
  return name ? [{ ...name, text: 'redshift.query_group' }] : [];
}

/** A statement of Redshift's as PostgreSQL takes it. What neither knows stays, and is PostgreSQL's error. */
export function translate(sql: string, all: readonly Token[]): string {
  return edited(sql, [...expressionEdits(all), ...tableEdits(all), ...userEdits(all), ...settingEdits(all)]);
}
