import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunColumn } from '../../client/compare/view.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { evaluation, file } from '../activities/support/insight-world.js';
import type { InsightSetting } from './insight-setting.js';
import { insightSetting } from './insight-setting.js';
import { call } from './terminal.js';

let setting: InsightSetting;
let first: OutcomeObject;
let second: OutcomeObject;
beforeAll(async () => {
  setting = await insightSetting();
  await setting.apply('housing');
  const files = [file('train', '2026-01-01'), file('train', '2026-01-02')];
  first = await setting.world.run('2026-01-31T09:00:00.000Z', { evaluation: evaluation('h', 0.2) }, { files });
  second = await setting.world.run(
    '2026-02-01T09:00:00.000Z',
    { outcome: 'Rejected', evaluation: evaluation('h', 0.25) },
    { files: [...files, file('train', '2026-01-31')] },
  );
}, 120_000);
afterAll(() => setting.close());

const compare = (...argv: string[]) => call(setting.at.env, ['compare', ...argv]);

describe('compare', () => {
  it('prints a table, and leaves no exchange object behind', async () => {
    const { code, out, err } = await compare(first.run, second.run, '--files');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^outcome +Deployed +Rejected$/m);
    expect(out).toMatch(/^judged mdape +0\.2 +0\.25 \(\+0\.05, \+25\.0 %, worse\)$/m);
    expect(out).toMatch(/^training files +2, 200 B +3, 300 B \(\+1\)$/m);
    expect(out).toContain('+ data/housing/train/2026-01-31.csv');
    expect(await setting.world.exchanged()).toBe(0);
  });

  it('prints everything as JSON, keys of files too', async () => {
    const { code, json } = await compare(first.run, second.run, '--json');
    const { runs } = json<{ runs: RunColumn[] }>();
    expect(code).toBe(0);
    expect(runs[1]).toMatchObject({
      ...{ run: second.run, outcome: 'Rejected', seconds: 60, training: { source: 'outcome' } },
      files: { added: ['data/housing/train/2026-01-31.csv'] },
      evaluation: { sameRows: true, rows: 40 },
    });
  });

  it('prints Markdown', async () => {
    const { out } = await compare(first.run, second.run, '--markdown');
    expect(out).toContain(`| run | ${first.run} | ${second.run} |\n| --- | --- | --- |`);
  });

  it.each([
    [(): string[] => [first.run], '1 given: name 2 to 10 runs'],
    [() => Array.from({ length: 11 }, () => first.run), '11 given: name 2 to 10 runs'],
    [() => [first.run, first.run], 'is named twice'],
    [() => [first.run, second.run, '--json', '--markdown'], '--json and --markdown are two forms'],
  ])('refuses what cannot be compared, with code 2', async (argv, words) => {
    const { code, err } = await compare(...argv());
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  it('leaves no exchange object behind when it is interrupted', async () => {
    const { code } = await call(setting.at.env, ['compare', first.run, second.run], {
      terminal: {
        onInterrupt: (callback) => {
          const soon = setImmediate(callback);
          return () => clearImmediate(soon);
        },
      },
    });
    expect(code).toBe(130);
    expect(await setting.world.exchanged()).toBe(0);
  });

  it('says what to do about a run without an outcome', async () => {
    const { code, err } = await compare(first.run, 'retrain/housing/2026-02-02T09:00:00.000Z');
    expect(code).toBe(1);
    expect(err).toContain('has no outcome to compare: wait for its end');
    expect(await setting.world.exchanged()).toBe(0);
  });
});
