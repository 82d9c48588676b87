import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parseAllDocuments } from 'yaml';
import { expect, it } from 'vitest';
import { checkData } from '../../client/definition/check.js';
import { schema } from '../../client/definition/schema.js';
import { rows, tableOf } from './schema-table.js';

const PAGE = fileURLToPath(new URL('../../docs/definition.md', import.meta.url));
const HEADING = '## Keys\n';

const table = `${HEADING}
${tableOf(schema)}`;

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
