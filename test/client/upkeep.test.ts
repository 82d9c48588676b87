import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ClientEnvironment } from './environment.js';
import { applyModel, clientEnvironment, definitionText } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const applied = (model: string) => applyModel(at, model);
const perennial = (...argv: string[]) => call(at.env, argv);

describe('endpoint delete', () => {
  it('asks first, then waits for the end', async () => {
    const model = await applied('served');
    expect(await perennial('endpoint', 'delete', model)).toMatchObject({ code: 2 });
    const unsure = await call(at.env, ['endpoint', 'delete', model], {
      terminal: { inIsTty: true, errIsTty: true, ask: async () => 'no' },
    });
    expect(unsure.err).toContain('nothing was deleted');
    expect((await perennial('endpoint', 'delete', model, '--yes')).out).toBe('deleted served\n');
  });

  it('also works for a model that was removed', async () => {
    const model = await applied('removed');
    const folder = await temporaryFolder({ 'other.yaml': definitionText('other') });
    await expect
      .poll(async () => (await call(at.env, ['apply', folder, '--prune'])).out)
      .toContain('removed: not in the files, removed');
    expect((await perennial('endpoint', 'delete', model, '--yes', '--json')).json()).toMatchObject({ existed: true });
  });
});

it('ledger rebuild reads the prefixes of every model, and those it is given', async () => {
  await applied('indexed');
  const seen: { bucket: string; output: string }[] = [];
  at.override({
    rebuildLedger: async ({ sources }) => {
      seen.push(...sources);
      return { runs: 2, files: 7 };
    },
  });
  const rebuild = async () => (await perennial('ledger', 'rebuild', '--source', 's3://other-bucket/models/old/')).out;
  await expect
    .poll(async () => [await rebuild(), seen.map(({ output }) => output)])
    .toEqual([
      'indexed 2 runs and 7 file versions\n',
      expect.arrayContaining(['models/indexed/', 'models/removed/', 'models/old/']) as string[],
    ]);
  expect((await perennial('ledger', 'rebuild', '--source', 'models/old')).code).toBe(2);
});
