import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluation } from '../activities/support/insight-world.js';
import type { InsightSetting } from './insight-setting.js';
import { insightSetting } from './insight-setting.js';
import { call, temporaryFolder } from './terminal.js';

let setting: InsightSetting;
beforeAll(async () => {
  setting = await insightSetting();
  await setting.apply('housing');
  await setting.apply('unused');
}, 120_000);
afterAll(() => setting.close());

const report = async (...argv: string[]) => {
  const folder = await temporaryFolder({});
  const answer = await call(setting.at.env, ['report', '--out', 'report.html', ...argv], { terminal: { cwd: folder } });
  return { ...answer, page: () => readFile(join(folder, 'report.html'), 'utf8') };
};

describe('report', () => {
  it('writes a page also before anything ran', async () => {
    const { code, out, page } = await report('--model', 'unused');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/^report\.html: 0 runs of 1 model, /) });
    expect(await page()).toContain('No run has ended yet.');
  });

  it('writes one page of what ledger and score records hold, and leaves no exchange object behind', async () => {
    const scoreUri = await setting.world.score();
    const candidate = { modelName: 'm', metrics: { mdape: 0.2 }, scoreUri };
    const { run } = await setting.world.run('2026-01-31T09:00:00.000Z', {
      evaluation: evaluation('h', 0.2, { candidate }),
    });
    const { code, json, page } = await report('--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ models: [{ model: 'housing', runs: 1 }] });
    const html = await page();
    expect(html).toContain(`http://127.0.0.1:8233/namespaces/`);
    expect(html).toContain(encodeURIComponent(run));
    for (const title of ['mdape over the runs', 'The last runs by stage', 'Predicted against actual'])
      expect(html).toContain(title);
    expect(await setting.world.exchanged()).toBe(0);
  });

  it.each([
    [['--model', 'hosing'], 2, 'Did you mean housing?'],
    [['--limit', '0'], 2, 'Give a number from 1 to 1000.'],
    [['--out', 'no/such/folder/report.html'], 1, 'no/such/folder/report.html cannot be written'],
  ])('refuses %j', async (argv, code, words) => {
    const answer = await report(...argv);
    expect({ code: answer.code, err: answer.err }).toEqual({ code, err: expect.stringContaining(words) as string });
  });
});
