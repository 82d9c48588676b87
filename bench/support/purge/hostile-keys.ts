/** Longest key of S3, in bytes of UTF-8. */
const LONGEST = 1_024;

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** What the facts about keys name, one character or fragment each, with neighbours that look the same. */
const FRAGMENTS: readonly string[] = [
  // Control characters, and what XML or HTTP changes.
  ...[...range(1, 31), 127, 0x85, 0xa0, 0xad, 0x200b, 0x2028, 0x2029, 0xfeff, 0xfffd, 0xfffe, 0xffff].map((code) =>
    String.fromCharCode(code),
  ),
  ...['\r\n', '\n\r', '\t\t', '\u0000'],
  // Paths that a file system would resolve.
  ...[
    '..',
    '.',
    '../',
    './',
    '//',
    '///',
    '/../',
    '/./',
    '/',
    '...',
    '..\\',
    '\\',
    '~',
    '~/',
    '-rf',
    '--',
    '．．/',
    '∕',
    '⁄',
    '／',
  ],
  // What is encoded once too often, or not often enough.
  ...[
    '%',
    '%%',
    '%2e%2e',
    '%2F',
    '%2f',
    '%20',
    '%00',
    '%zz',
    '%E9',
    '%C3%A9',
    '%25',
    '+',
    ' ',
    '  ',
    '%2B',
    '&',
    '=',
    '?',
    '#',
    ';',
    ':',
  ],
  ...[
    '&amp;',
    '&lt;',
    '&#13;',
    '&#x1;',
    ']]>',
    '<![CDATA[',
    '<Key>',
    '</Key>',
    '<!--',
    '"',
    "'",
    '`',
    '<',
    '>',
    '$',
    '${x}',
    '{{',
    '|',
  ],
  // Globs and patterns.
  ...['*', '**', '?', '[a-z]', '{a,b}', '(', ')', '^', '!', '@', '.*', '\\d'],
  // One word in several encodings, and characters outside of the basic plane.
  ...['é', 'e\u0301', 'Å', 'Å', 'A\u030a', '가', '\u1100\u1161', 'ﬁ', 'fi', 'ß', 'SS', 'ı', 'İ', 'i', 'ſ', 'K', 'K'],
  ...['😀', '👩‍👩‍👧', '𝒳', '\u{10ffff}', '\u{1f1e9}\u{1f1ea}', '\u202e', '\u200f', '\ufe0f', '日本', 'Ω', 'Ω', 'א'],
  // What a language takes for something else.
  ...[
    'null',
    'undefined',
    'true',
    'NaN',
    '0',
    '00',
    '1e3',
    '-1',
    '__proto__',
    'constructor',
    'toString',
    '[object Object]',
    'versionId=null',
  ],
  ...[
    '_perennial',
    '_perennial_/',
    'a',
    'A',
    'a.bak',
    'a/',
    'a/b',
    'index.html',
    '.DS_Store',
    'con',
    'aux.csv',
    'x.csv.gz',
  ],
];

const fits = (key: string) => key !== '' && Buffer.byteLength(key) <= LONGEST && !key.startsWith('_perennial/');
const padded = (fragment: string) => fragment + 'x'.repeat(LONGEST - Buffer.byteLength(fragment));

export interface Corpus {
  /** Keys that are purged one by one, from the bucket's root on. */
  readonly single: readonly string[];
  /** Prefixes that are purged whole. */
  readonly prefixes: readonly string[];
  /** Keys under the prefixes. */
  readonly under: readonly string[];
  /** Keys that look like one of them and must stay. */
  readonly bystanders: readonly string[];
}

/** So many keys in all, with bystanders beside each, always the same. */
export function hostileCorpus(keys: number, single: number): Corpus {
  const prefixes = ['hostile/', '../up/', '/lead/', 'sp ace+%2F/', 'e\u0301/', 'no-slash'];
  const alone = unique(distinct(single).filter((key) => !prefixes.some((prefix) => key.startsWith(prefix))));
  const inside = distinct(keys).map((key, index) => `${prefixes[index % prefixes.length] ?? ''}${key}`);
  const under = unique(inside.filter(fits)).slice(0, keys - alone.length);
  const taken = new Set([...alone, ...under]);
  const apart = (key: string) => fits(key) && !taken.has(key) && !prefixes.some((prefix) => key.startsWith(prefix));
  const beside = [
    ...alone.flatMap(lookAlikes),
    ...prefixes.flatMap(lookAlikes),
    ...under.flatMap((key) => lookAlikes(key).slice(0, 6)),
  ];
  return { single: alone, prefixes, under, bystanders: unique(beside.filter(apart)).slice(0, keys) };
}

/** The fragments alone, at both ends and in the middle of a key, as long as keys get, and in pairs until there are enough. */
function distinct(count: number): string[] {
  const shapes = [
    (fragment: string) => fragment,
    (fragment: string) => `k${fragment}`,
    (fragment: string) => `${fragment}k`,
    (fragment: string) => `dir/${fragment}/file.csv`,
    (fragment: string) => `k${fragment}k`,
  ];
  const simple = shapes.flatMap((shape) => FRAGMENTS.map(shape));
  const long = FRAGMENTS.map((fragment) => padded(fragment));
  const pairs = FRAGMENTS.flatMap((one, index) => FRAGMENTS.slice(index + 1).map((other) => `${one}p${other}`));
  return unique(
    [...simple.slice(0, FRAGMENTS.length), ...long.slice(0, 20), ...simple, ...long, ...pairs].filter(fits),
  ).slice(0, count);
}

/** What a tool makes of a key that changes it, and the neighbours that share its beginning. */
function lookAlikes(key: string): string[] {
  return [
    `${key}.bak`,
    key.replaceAll('\r', '\n'),
    key.normalize('NFC'),
    key.normalize('NFD'),
    key.replace(/\/+$/, ''),
    decoded(key),
    `${key} `,
    key.trim(),
    key.slice(0, -1),
    key.toUpperCase(),
    key.replaceAll('+', ' '),
    encodeURIComponent(key),
    key.replaceAll('../', '').replaceAll('./', ''),
    key.replaceAll('//', '/').replace(/^\//, ''),
    key.replaceAll('..', '．．'),
    `x${key}`,
  ].filter((other) => other !== key && other.isWellFormed());
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch (error) {
    if (error instanceof URIError) return key;
    throw error;
  }
}

const unique = (keys: readonly string[]) => [...new Set(keys)];
