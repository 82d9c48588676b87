import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { parse, type DefaultTreeAdapterTypes as Tree } from 'parse5';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportPage } from '../../client/report/page.js';
import type { Evaluation, ScoreRecord } from '../../contracts/evaluation.js';
import type { Prepared } from '../../contracts/prepare.js';
import type { ReportData } from '../../contracts/insight.js';
import type { OutcomeObject } from '../../contracts/records.js';
import { deployedRun } from '../ledger/records.js';

const HOSTILE = `<script>alert(1)</script>"'&<img src=x>`;
const urlOf = ({ run }: { run: string }) => `http://127.0.0.1:8233/workflows/${encodeURIComponent(run)}?a=1&b="2"`;
const page = (models: readonly ReportData[]) => reportPage({ models, madeAt: '2026-11-21T18:00:00Z', urlOf });

const judged = (mdape: number, live?: number): Evaluation => ({
  metric: 'mdape',
  holdout: { hash: `h${mdape}`, files: 2, from: '2026-10-01', to: '2026-10-30' },
  rows: 640,
  candidate: { modelName: 'm', metrics: { mdape }, scoreUri: 's3://lake/score.json' },
  ...(live !== undefined && {
    live: { modelName: 'l', metrics: { mdape: live }, scoreUri: 's3://lake/live.json', rescored: false },
  }),
});

/** Runs, one an hour, newest first; `change` says how each differs. */
const runs = (count: number, change: (index: number) => Partial<OutcomeObject> = () => ({})): OutcomeObject[] =>
  Array.from({ length: count }, (_, index) => {
    const time = new Date(Date.UTC(2026, 0, 1, index)).toISOString();
    return deployedRun(time, [], change(index), 'housing').outcome;
  }).reverse();

const score = (rows: number): ScoreRecord => ({
  ...{ version: 1, modelName: 'm', holdoutHash: 'h', rows: 640, metrics: {}, notes: [] },
  sample: Array.from({ length: rows }, (_, index): [number, number] => [index, index * 1.1]),
});

/** Ten runs: seven deployed, two rejected, one failed; nine of them evaluated, eight beside a live model. */
const TEN: ReportData = {
  model: `housing ${HOSTILE}`,
  runs: runs(10, (index) => ({
    outcome: index === 9 ? 'Failed' : index % 4 === 3 ? 'Rejected' : 'Deployed',
    reason: `${HOSTILE} ${index}`,
    ...(index < 9 && { evaluation: judged(0.2 + index / 100, index === 0 ? undefined : 0.2) }),
  })),
  score: { run: `retrain/housing/${HOSTILE}`, record: score(37) },
};

type Element = Tree.Element;
function elements(html: string): Element[] {
  const walk = (node: Tree.Node): Element[] => [
    ...('tagName' in node ? [node] : []),
    ...('childNodes' in node ? node.childNodes.flatMap(walk) : []),
  ];
  return walk(parse(html));
}
const attribute = (element: Element, name: string) => element.attrs.find((one) => one.name === name)?.value;
const named = (all: readonly Element[], ...tags: string[]) => all.filter(({ tagName }) => tags.includes(tagName));
const marks = (all: readonly Element[], kind: string) =>
  all.filter((element) => attribute(element, 'aria-roledescription') === kind).length;
function text(node: Tree.Node): string {
  if ('value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(text).join('') : '';
}

/** Needs nothing but itself, and can be read by who sees no pictures. */
function expectWhole(html: string): Element[] {
  const all = elements(html);
  expect(named(all, 'script', 'link', 'img', 'iframe', 'object', 'embed', 'base', 'form', 'image')).toEqual([]);
  for (const { attrs } of all) {
    for (const { name, value } of attrs) {
      expect(name).not.toMatch(/^(on\w+|src|srcset|poster|data)$/);
      if (name === 'href') expect(value).toMatch(/^(#|https?:\/\/)/);
      expect(value).not.toMatch(/url\(/);
    }
  }
  const style = named(all, 'style').map(text).join('');
  expect(style).not.toMatch(/url\(|@import/);
  expect(style).toContain('prefers-color-scheme:dark');
  expect(style).toContain('@media print');
  const policy = named(all, 'meta').find((meta) => attribute(meta, 'http-equiv') === 'Content-Security-Policy');
  expect(attribute(policy as Element, 'content')).toMatch(/^default-src 'none'; style-src 'unsafe-inline'/);
  expect(named(all, 'title').map(text)[0]).toMatch(/^Perennial/);
  for (const svg of named(all, 'svg')) {
    expect(attribute(svg, 'role')).toBe('img');
    expect(attribute(svg, 'aria-label')?.length).toBeGreaterThan(30);
  }
  expect(named(all, 'caption')).toHaveLength(named(all, 'table').length);
  // Colours come from the page's variables, so that they follow the theme.
  const colours = all.flatMap(({ attrs }) => attrs.filter(({ name }) => ['fill', 'stroke'].includes(name)));
  for (const { value } of colours) expect(value).toMatch(/^(none|transparent|var\(--[a-z]+\))$/);
  return all;
}

/** The marks of TEN: 9 candidates and 8 live models, 10 runs of 2 stages, 37 rows. */
function expectTen(html: string): void {
  const all = expectWhole(html);
  expect(marks(all, 'point')).toBe(9 + 8 + 37);
  expect(marks(all, 'bar')).toBe(10 * 2);
  expect(
    named(all, 'tbody').flatMap(({ childNodes }) => childNodes.filter((node) => node.nodeName === 'tr')),
  ).toHaveLength(10);
  const body = text(named(all, 'body')[0] as Element);
  expect(body).toContain(`${HOSTILE} 9`);
  expect(body).toMatch(/Deployed 7, Rejected 2, Failed 1/);
  for (const link of named(all, 'a')) expect(attribute(link, 'href')).toMatch(/^http:\/\/127\.0\.0\.1:8233\/.*"2"$/);
}

describe('the report', () => {
  it('draws a mark for each thing it knows, and takes no text for markup', async () => {
    expectTen(await page([TEN]));
  });

  it('has a sentence where there is nothing yet', async () => {
    expect(text(named(expectWhole(await page([])), 'main')[0] as Element)).toContain('No run has ended yet.');
    const idle = await page([{ model: 'idle', runs: [] }]);
    expect(named(expectWhole(idle), 'svg', 'table')).toEqual([]);
    expect(idle).toContain('No run has ended yet.');
  });

  it('draws stages where no run has a metric', async () => {
    const nothing = runs(3, () => ({
      outcome: 'NoNewData',
      metrics: [],
      trainingJob: undefined,
      stages: { train: 1 },
    }));
    const html = await page([{ model: 'quiet', runs: nothing }]);
    expect(html).toContain('No run has a metric yet.');
    expect(marks(expectWhole(html), 'bar')).toBe(3);
  });

  it('takes the first training metric where no run was evaluated', async () => {
    const html = await page([{ model: 'plain', runs: runs(5) }]);
    expect(html).toContain('validation:mse over the runs');
    expect(marks(expectWhole(html), 'point')).toBe(5);
  });

  it('draws one run', async () => {
    const html = await page([{ model: 'single', runs: runs(1, () => ({ evaluation: judged(0.2) })) }]);
    expect(marks(expectWhole(html), 'point')).toBe(1);
    expect(html).not.toContain('NaN');
  });

  it('counts the hours of its axis to 24', async () => {
    const svg = named(elements(await page([{ model: 'late', runs: runs(20) }])), 'text').map(text);
    expect(svg).toContain('15:00');
    expect(svg).not.toContain('03 PM');
  });

  it('draws a thousand runs, the stages of the last twelve', async () => {
    const many = runs(1_000, (index) => ({ evaluation: judged(0.2 + (index % 7) / 100, 0.2) }));
    const html = await page([{ model: 'many', runs: many }]);
    const all = elements(html);
    expect(marks(all, 'point')).toBe(2_000);
    expect(marks(all, 'bar')).toBe(12 * 2);
    expect(Buffer.byteLength(html)).toBeLessThan(3_000_000);
  });

  it('marks changes by hand, which have no metric, in the drawing, its words and the table', async () => {
    const [newest, ...rest] = runs(4, () => ({ evaluation: judged(0.2) }));
    const back: OutcomeObject = {
      ...(newest as OutcomeObject),
      ...{ run: 'rollback/housing/2026-01-01T05:00:00.000Z', kind: 'rollback', evaluation: undefined, metrics: [] },
      startedAt: '2026-01-01T05:00:00.000Z',
      change: {
        ...{ kind: 'rollback', by: HOSTILE, from: { config: 'b' } },
        to: { config: 'a', run: 'retrain/housing/2026-01-01T00:00:00.000Z' },
      },
    };
    // One that failed changed nothing.
    const failed: OutcomeObject = { ...back, kind: 'deploy', outcome: 'Failed' };
    const html = await page([{ model: 'back', runs: [back, failed, newest as OutcomeObject, ...rest] }]);
    const all = expectWhole(html);
    expect(marks(all, 'point')).toBe(4);
    const rules = all.filter((element) => attribute(element, 'aria-roledescription') === 'rule mark');
    expect(rules.map((rule) => attribute(rule, 'aria-label'))).toEqual([
      `${back.run}, rolled back to the model of ${back.change?.to.run}`,
    ]);
    const body = text(named(all, 'body')[0] as Element);
    expect(body).toContain('1 change in all');
    expect(body).toContain('Deployed, rolled back');
    expect(body).toContain('Failed, deployed anew');
  });

  it('shows what a warehouse prepared: the newest label as a histogram, and the figures of each run', async () => {
    const label = {
      ...{ name: HOSTILE, min: 10, max: 50, mean: 20, histogram: [4, 0, 3, 1] },
      quantiles: { '0.01': 10, '0.05': 11, '0.25': 12.5, '0.5': 18.25, '0.75': 30, '0.95': 47, '0.99': 49 },
    };
    const prepared: Prepared = {
      ...{ rows: 8_123, bytes: 3_145_728, parts: 1, columns: 12, seconds: 75, suppressed: 2, replaced: 0 },
      ...{ checks: [{ name: 'c', values: [1], ok: true }], label, unchanged: false },
      publishedTo: 's3://lake/data/2026-01-01/',
    };
    const [takenUp, unchanged] = [
      { ...prepared, label: undefined, by: 'retrain/prices/1' },
      { ...prepared, unchanged: true },
    ];
    const three = runs(3, (index) => ({ prepared: [unchanged, takenUp, prepared][index] }));
    const all = expectWhole(await page([{ model: 'prices', runs: three }]));
    const labels = all.map((element) => attribute(element, 'aria-label') ?? '');
    expect(labels.filter((one) => / to .*: \d+ rows$/.test(one))).toEqual([
      ...['10 to 20: 4 rows', '20 to 30: 0 rows', '30 to 40: 3 rows', '40 to 50: 1 rows'],
    ]);
    expect(labels.filter((one) => one.includes('% are below'))).toHaveLength(3);
    const table = named(all, 'table').find((one) => text(one).includes('Data that a warehouse prepared'));
    expect(table && text(table)).toContain('3 runs');
    expect(table && text(table)).not.toMatch(/NaN|undefined/);
    for (const figure of [
      '8123',
      '3.0 MiB',
      '12',
      '1m 15s',
      '18.25',
      '47',
      'unchanged',
      'taken up',
      's3://lake/data/2026-01-01/',
    ])
      expect(table && text(table)).toContain(figure);
  });

  it('leads from a table of contents to each of several models', async () => {
    const all = expectWhole(await page([TEN, { model: 'flats', runs: runs(1) }]));
    const targets = named(all, 'nav').flatMap((nav) => named(all, 'a').filter(() => nav !== undefined));
    const ids = new Set(all.map((element) => attribute(element, 'id')));
    const inside = targets.map((link) => attribute(link, 'href') ?? '').filter((href) => href.startsWith('#'));
    expect(inside).toHaveLength(2);
    for (const href of inside) expect(ids).toContain(href.slice(1));
  });
});

/** A Chromium that is installed here, if one is. */
const browser = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  .flatMap((name) => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)))
  .find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

describe(`opened ${browser === undefined ? 'by a parser, there being no browser' : 'in a browser'}`, () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-report-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

  /** Starts the browser, which ends by itself; answers what it printed. */
  async function open(html: string, ...flags: string[]): Promise<string> {
    const file = join(folder, 'report.html');
    await writeFile(file, html);
    // What it would ask the network for goes nowhere. As root Chromium refuses to start with its sandbox.
    const plain = [
      '--headless=new',
      '--disable-gpu',
      '--no-sandbox',
      '--hide-scrollbars',
      '--proxy-server=127.0.0.1:9',
    ];
    const args = [...plain, `--user-data-dir=${join(folder, 'profile')}`, ...flags, `file://${file}`];
    const limits = { timeout: 100_000, maxBuffer: 64 * 1024 * 1024 };
    return (await promisify(execFile)(browser ?? '', args, limits)).stdout;
  }

  it('is the document that was written', { timeout: 120_000 }, async () => {
    const html = await page([TEN]);
    expectTen(browser === undefined ? html : await open(html, '--dump-dom'));
  });

  it('is light or dark as its reader wants it', { timeout: 240_000 }, async () => {
    const html = await page([TEN]);
    const [light, dark] = html.match(/--page:#[0-9a-f]{6}/g) ?? [];
    expect(light).not.toBe(dark);
    if (browser === undefined) return;
    const pictures: Buffer[] = [];
    for (const scheme of [[], ['--force-dark-mode']]) {
      const file = join(folder, `${pictures.length}.png`);
      await open(html, ...scheme, '--window-size=1000,1200', `--screenshot=${file}`);
      pictures.push(await readFile(file));
    }
    const [one, other] = pictures;
    expect(one?.length).toBeGreaterThan(20_000);
    expect(one?.equals(other as Buffer)).toBe(false);
  });
});
