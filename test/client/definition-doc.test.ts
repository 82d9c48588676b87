import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parseAllDocuments } from 'yaml';
import { expect, it } from 'vitest';
import { checkData } from '../../client/definition/check.js';
import { isNotYet, schema } from '../../client/definition/schema.js';
import type { Schema } from '../../client/definition/schema.js';

const PAGE = fileURLToPath(new URL('../../docs/definition.md', import.meta.url));
const HEADING = '## Keys\n';

const code = (value: unknown) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;

function typeOf(part: Schema): string {
  if (part.enum) return part.enum.map(code).join(' or ');
  if (part.anyOf) return part.anyOf.map(typeOf).join(' or ');
  if (part.type === 'array') return `list of ${typeOf(part.items ?? {})}`;
  if (part.type === 'object') return 'map';
  const type = { string: 'text', integer: 'whole number', boolean: 'true or false' }[String(part.type)] ?? 'scalar';
  return part.minimum !== undefined ? `${type}, ${part.minimum}–${part.maximum}` : type;
}

/** Key, type, default and purpose of every key, in the order of the schema. */
function rows(part: Schema, path = ''): string[] {
  const map = part.properties ? part : (part.anyOf?.find(({ properties }) => properties) ?? part.items ?? part);
  return Object.entries(map.properties ?? {}).flatMap(([name, child]) => {
    const key = path === '' ? name : `${path}.${name}`;
    if (isNotYet(child)) return [];
    const plain =
      child.default === undefined ||
      (typeof child.default === 'object' && Object.keys(child.default as object).length === 0);
    const fallback = map.required?.includes(name) ? 'required' : plain ? '' : code(child.default);
    const below = child.type === 'array' && child.items?.properties ? `${key}[]` : key;
    return [
      `| \`${key}\` | ${typeOf(child)} | ${fallback} | ${(child.description ?? '').replaceAll('<', String.raw`\<`)} |`,
      ...rows(child, below),
    ];
  });
}

function notYet(part: Schema, path = ''): string[] {
  return Object.entries(part.properties ?? {}).flatMap(([name, child]) => {
    const key = path === '' ? name : `${path}.${name}`;
    return isNotYet(child) ? [`\`${key}\``] : notYet(child, key);
  });
}

const table = `${HEADING}
| key | is | default | for |
| --- | --- | --- | --- |
${rows(schema).join('\n')}

Known, and refused as "not yet available" so that nothing is silently ignored: ${notYet(schema).join(', ')}.
`;

/** Written anew by `npx vitest run test/client/definition-doc.test.ts -u`. */
it('docs/definition.md has every key as the schema has it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const text = page.slice(0, page.indexOf(HEADING)) + table;
  const options = await resolveConfig(PAGE);
  await expect(await format(text, { ...options, filepath: PAGE })).toMatchFileSnapshot(PAGE);
});

it('describes every key', () => {
  expect(rows(schema).filter((row) => row.endsWith('|  |'))).toEqual([]);
});

it('docs/definition.md shows definitions that are valid', async () => {
  const page = await readFile(PAGE, 'utf8');
  const examples = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, example]) => parseAllDocuments(example ?? ''));
  expect(examples.length).toBeGreaterThan(0);
  for (const [document] of examples) expect(checkData(document?.toJS())).not.toHaveProperty('faults');
});
