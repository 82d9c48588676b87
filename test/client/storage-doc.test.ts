import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { expect, it } from 'vitest';
import type { Schema } from '../../client/definition/schema.js';
import { checkStorageData } from '../../client/storage/check.js';
import { storageJsonSchema } from '../../contracts/storage/index.js';
import { AUDIT_BUCKET, AUDIT_KEY_ALIAS } from '../../local/services/audit.js';
import { rows, tableOf } from './schema-table.js';

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const PAGE = path('docs/storage.md');
const HEADING = '## Keys\n';
const schema = storageJsonSchema() as Schema;

/** Written anew by `npx vitest run test/client/storage-doc.test.ts -u`. */
it('docs/storage.md has every key as the schema has it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const text = `${page.slice(0, page.indexOf(HEADING))}${HEADING}\n${tableOf(schema)}`;
  const options = await resolveConfig(PAGE);
  await expect(await format(text, { ...options, filepath: PAGE })).toMatchFileSnapshot(PAGE);
});

it('describes every key', () => {
  expect(rows(schema).filter((row) => row.endsWith('|  |'))).toEqual([]);
});

it('shows storage files that are valid', async () => {
  const pages = await Promise.all(
    ['docs/storage.md', 'docs/local-mode.md', 'docs/audit.md'].map((file) => readFile(path(file), 'utf8')),
  );
  const shown = pages.flatMap((page) =>
    [...page.matchAll(/```yaml\n(storage:[^]*?)```/g)].map(([, text]) => text ?? ''),
  );
  shown.push(await readFile(path('examples/storage.yaml'), 'utf8'));
  expect(shown.length).toBeGreaterThan(4);
  for (const text of shown) expect(checkStorageData(parse(text))).not.toHaveProperty('faults');
});

it('the example of `npm start` declares the bucket and the key that local mode makes', async () => {
  const checked = checkStorageData(parse(await readFile(path('examples/seattle-weather/storage.yaml'), 'utf8')));
  expect(checked).toMatchObject({ storage: { audit: { bucket: AUDIT_BUCKET, signingKey: AUDIT_KEY_ALIAS } } });
});
