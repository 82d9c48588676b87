import { isAlias, isCollection, isScalar, visit } from 'yaml';
import type { Document, YAMLError } from 'yaml';

/** What is wrong with a file as YAML, and at which character. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
  readonly fix?: string;
}

/** Errors of the YAML parser, by its codes, in words that say what to do. */
const WORDS: Partial<Record<YAMLError['code'], { message: string; fix: string }>> = {
  TAB_AS_INDENT: { message: 'a tab stands where YAML takes only spaces', fix: 'indent with spaces' },
  MULTIPLE_DOCS: { message: 'the file holds more than one document (---)', fix: 'give each model a file of its own' },
  BAD_INDENT: {
    message: 'the indentation does not fit the lines around it',
    fix: 'align it with its neighbours, with spaces',
  },
  MISSING_CHAR: { message: 'a character is missing: a quote, a bracket or a colon', fix: 'add it' },
  TAG_RESOLVE_FAILED: { message: 'a tag (!…) has no meaning in a definition', fix: 'write the value itself' },
};

/** Where the innermost quote or bracket begins that is still open at a character of a later line. */
function openedBefore(document: Document.Parsed, text: string, offset: number): number | undefined {
  let opened: number | undefined;
  visit(document, {
    Node: (_key, node) => {
      const [start, end] = node.range ?? [0, 0];
      const enclosed = (isScalar(node) && node.type?.startsWith('QUOTE')) || (isCollection(node) && node.flow === true);
      if (enclosed && start < offset && end >= offset - 1 && text.slice(start, offset).includes('\n')) opened = start;
    },
  });
  return opened;
}

function translate(error: YAMLError, document: Document.Parsed, text: string): YamlFault {
  const [offset] = error.pos;
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^[\w.-]+/.exec(text.slice(offset))?.[0] ?? '';
    return { offset, message: `the key ${key} stands twice in one map`.replace('  ', ' '), fix: 'keep one of the two' };
  }
  if (error.code === 'MISSING_CHAR' || error.code === 'BAD_INDENT') {
    const opened = openedBefore(document, text, offset);
    if (opened !== undefined)
      return { offset: opened, message: `a ${text[opened]} is opened here and never closed`, fix: 'close it' };
  }
  return { offset, ...(WORDS[error.code] ?? { message: `not valid YAML: ${error.message}` }) };
}

/** Everything that keeps a file from being read as YAML. */
export function yamlFaults(document: Document.Parsed, text: string): YamlFault[] {
  const faults = [...document.errors, ...document.warnings].map((error) => translate(error, document, text));
  if (faults.length > 0) return faults;
  visit(document, {
    Alias: (_key, alias) => {
      if (isAlias(alias) && alias.resolve(document) === undefined)
        faults.push({
          offset: alias.range?.[0] ?? 0,
          message: `the alias *${alias.source} points to no anchor (&${alias.source}) before it`,
          fix: 'write the value itself',
        });
    },
  });
  return faults;
}
