import { readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Rule {
  /** Folders (or files without extension) of ours that may be imported. */
  readonly own: readonly string[];
  /** The same, but types only. */
  readonly types?: readonly string[];
  /** Packages that may be imported; undefined for any. */
  readonly packages?: readonly RegExp[];
  /** Whether Node's own modules may be imported. */
  readonly node: boolean;
}

const zodModules = ['contracts/definition', 'contracts/storage/index'];
const RULES: Readonly<Record<string, Rule>> = {
  contracts: { own: ['contracts'], packages: [/^zod$/], node: false },
  workflows: {
    own: ['workflows', 'contracts'],
    packages: [/^@temporalio\/(workflow|common)$/],
    node: false,
  },
  activities: {
    own: ['activities', 'contracts'],
    types: ['ledger'],
    packages: [
      /^@aws-sdk\//,
      /^@smithy\//,
      /^@slack\/web-api$/,
      /^@temporalio\/(activity|common)$/,
      /^p-limit$/,
      /^csv-parse/,
      // The client of warehouses; the ledger has its own.
      /^pg$/,
    ],
    node: true,
  },
  ledger: { own: ['ledger', 'contracts'], packages: [/^pg$/], node: true },
  worker: { own: ['worker', 'activities', 'ledger', 'contracts'], node: true },
  client: {
    own: ['client', 'contracts', 'engine', 'local/index'],
    types: ['workflows'],
    packages: [
      /^@temporalio\/(client|common|envconfig)$/,
      /^@aws-sdk\/client-s3$/,
      // The report's charts.
      /^vega(-lite)?$/,
      /^commander$/,
      /^@commander-js\/extra-typings$/,
      /^yaml$/,
      /^fastest-levenshtein$/,
      /^zod$/,
      /^cron-parser$/,
    ],
    node: true,
  },
  local: { own: ['local', 'engine', 'contracts'], node: true },
  engine: { own: ['engine'], packages: [/^@balena\/dockerignore$/], node: true },
};

interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(root, folder, name));
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      const clause = ts.isImportDeclaration(node) ? node.importClause : undefined;
      const named =
        clause?.namedBindings && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : undefined;
      const typeOnly = ts.isExportDeclaration(node)
        ? node.isTypeOnly
        : clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
          (named !== undefined && named.length > 0 && !clause?.name && named.every((one) => one.isTypeOnly));
      found.push({ from: file, specifier: node.moduleSpecifier.text, typeOnly });
    }
    if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      node.arguments[0] &&
      ts.isStringLiteral(node.arguments[0])
    ) {
      found.push({ from: file, specifier: node.arguments[0].text, typeOnly: false });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Why an import breaks the folder's rule, or undefined. */
function fault(folder: string, rule: Rule, { from, specifier, typeOnly }: Import): string | undefined {
  const where = `${relative(root, from)} imports ${specifier}`;
  if (specifier.startsWith('.')) {
    const target = relative(root, resolve(dirname(from), specifier))
      .split(sep)
      .join('/')
      .replace(/\.js$/, '');
    const within = (allowed: string) => target === allowed || target.startsWith(`${allowed}/`);
    if (folder === 'workflows' && zodModules.some(within) && !typeOnly) return `${where}: a zod module, as type only`;
    if (rule.own.some(within)) return undefined;
    return rule.types?.some(within) && typeOnly
      ? undefined
      : `${where}: ${folder} may not${rule.types?.some(within) ? ' but for types' : ''}`;
  }
  if (specifier.startsWith('node:') || builtinModules.includes(specifier))
    return rule.node ? undefined : `${where}: no Node modules here`;
  return !rule.packages || typeOnly || rule.packages.some((pattern) => pattern.test(specifier))
    ? undefined
    : `${where}: ${folder} does not use that package`;
}

describe('import table of the design', () => {
  for (const [folder, rule] of Object.entries(RULES)) {
    it(`holds in ${folder}/`, () => {
      const imports = sources(folder).flatMap(importsOf);
      expect(imports.length).toBeGreaterThan(0);
      expect(imports.map((one) => fault(folder, rule, one)).filter((line) => line !== undefined)).toEqual([]);
    });
  }

  it('catches what it forbids', () => {
    const bad = (folder: string, specifier: string, typeOnly = false) =>
      fault(folder, RULES[folder] as Rule, { from: join(root, folder, 'x.ts'), specifier, typeOnly });
    expect(bad('workflows', 'node:fs')).toContain('no Node modules');
    expect(bad('workflows', '../contracts/definition/index.js')).toContain('as type only');
    expect(bad('workflows', '../contracts/definition/index.js', true)).toBeUndefined();
    expect(bad('workflows', '../activities/index.js', true)).toContain('may not');
    expect(bad('activities', '../ledger/store.js')).toContain('but for types');
    expect(bad('activities', '../local/index.js', true)).toContain('may not');
    expect(bad('local', '../worker/main.js')).toContain('may not');
    expect(bad('client', 'pg')).toContain('does not use');
  });
});
