import { describe, expect, it } from 'vitest';
import { compareView } from '../../client/compare/view.js';
import { renderFiles, renderMarkdown, renderTable } from '../../client/compare/render.js';
import type { LoadedRun } from '../../client/compare/load.js';
import { Output } from '../../client/output.js';
import { processTerminal } from '../../client/terminal.js';
import type { Evaluation } from '../../contracts/evaluation.js';
import type { FileDifference } from '../../contracts/insight.js';
import { exampleDefinition } from '../support/definitions.js';
import { deployedRun } from '../ledger/records.js';

const judged = (hash: string, mdape: number | null, r2: number): Evaluation => ({
  metric: 'mdape',
  holdout: { hash, files: 2, from: '2026-10-01', to: '2026-10-30' },
  rows: 640,
  candidate: { modelName: 'm', metrics: { mdape, r2 }, scoreUri: 's3://lake/score.json' },
});
const NONE: FileDifference = { files: 3, bytes: 300, added: [], removed: [], changed: [] };
const at = (day: number) => `2026-11-${String(day).padStart(2, '0')}T09:00:00.000Z`;

/** A run on a day of November, changed by `outcome`. */
function run(
  day: number,
  outcome: Parameters<typeof deployedRun>[2] = {},
  more: Partial<LoadedRun> = {},
  model = 'housing',
): LoadedRun {
  const training = { trainingJob: 'j', source: 'sagemaker' as const, image: 'xgboost:1', instanceType: 'ml.m5.large' };
  const hyperparameters = { eta: '0.1', max_depth: '5' };
  return {
    outcome: deployedRun(at(day), [], outcome, model).outcome,
    training: { ...training, instanceCount: 1, hyperparameters, billableSeconds: 40 },
    files: NONE,
    ...more,
  };
}

const output = new Output({ ...processTerminal(), outIsTty: false }, false);
const table = (runs: readonly LoadedRun[]) => renderTable(output, compareView(runs));

describe('compareView', () => {
  it('has the digests of images where one is known', () => {
    const made = (day: number, hex?: string) => {
      const { training, ...rest } = run(day);
      return { ...rest, training: { ...training!, ...(hex && { imageDigest: `sha256:${hex.repeat(32)}` }) } };
    };
    expect(table([made(1), made(2)])).not.toContain('image digest');
    expect(table([made(1, 'ab'), made(2, 'ab'), made(3, 'cd'), made(4)])).toMatch(
      /image digest +abababababab +same +cdcdcdcdcdcd +–/,
    );
  });

  const metric = (runs: readonly LoadedRun[], name: string) =>
    compareView(runs)[1]?.evaluation?.metrics.find((one) => one.name === name);

  it('gives the difference to the first run, and says which is better by the direction of the metric', () => {
    const runs = [run(1, { evaluation: judged('h', 0.2, 0.8) }), run(2, { evaluation: judged('h', 0.25, 0.9) })];
    const mdape = metric(runs, 'mdape');
    expect(mdape).toMatchObject({ value: 0.25, comparable: true, better: false });
    expect(mdape?.difference).toBeCloseTo(0.05, 12);
    expect(mdape?.percent).toBeCloseTo(25, 9);
    expect(metric(runs, 'r2')).toMatchObject({ better: true });
  });

  it('compares no metrics of other rows, and none that is not defined', () => {
    const other = [run(1, { evaluation: judged('h', 0.2, 0.8) }), run(2, { evaluation: judged('i', 0.1, 0.9) })];
    expect(metric(other, 'mdape')).toEqual({ name: 'mdape', value: 0.1, comparable: false });
    expect(compareView(other)[1]?.evaluation?.sameRows).toBe(false);
    const undefinedOne = [run(1, { evaluation: judged('h', null, 0) }), run(2, { evaluation: judged('h', 0.1, 0.9) })];
    expect(metric(undefinedOne, 'mdape')).toEqual({ name: 'mdape', value: 0.1, comparable: true });
    // No percent of nothing.
    expect(metric(undefinedOne, 'r2')).toEqual({
      ...{ name: 'r2', value: 0.9, comparable: true, difference: 0.9, better: true },
    });
  });

  it('tells training metrics of the same data from those of other data', () => {
    const runs = [run(1, { dataHash: 'a' }), run(2, { dataHash: 'a' }), run(3, { dataHash: 'b' })];
    const comparable = compareView(runs).map(({ trainingMetrics }) => trainingMetrics[0]?.comparable);
    expect(comparable).toEqual([true, true, false]);
  });

  it('names the keys of the definition that make another model, and no others', () => {
    const definition = exampleDefinition();
    const changed = exampleDefinition({
      data: { bucket: 'example-bucket', window: 'P60D' },
      notify: {},
      training: { algorithm: 'linear-learner', hyperparameters: { wd: 1 }, maxRuntime: '2d' },
    });
    const [, second, third] = compareView([run(1, {}, { definition }), run(2, {}, { definition: changed }), run(3)]);
    expect(second?.definitionChanges?.map(({ key }) => key)).toEqual(['data.window', 'training.maxRuntime']);
    expect(third?.definitionChanges).toBeUndefined();
  });
});

describe('the table', () => {
  it('shows what is equal as such and marks what cannot be compared', () => {
    const files = { ...NONE, files: 4, added: ['a', 'b'], removed: ['c'], changed: [] };
    const text = table([
      run(1, { evaluation: judged('h', 0.2, 0.8), dataHash: 'a'.repeat(64) }),
      run(
        2,
        {
          ...{ evaluation: judged('i', 0.1, 0.9), dataHash: 'b'.repeat(64), outcome: 'Rejected' },
          metrics: [{ name: 'validation:mse', value: 8 }],
        },
        { files, training: { trainingJob: 'gone', source: 'outcome', instanceType: 'ml.m5.xlarge' } },
      ),
    ]);
    expect(text).toMatch(/^outcome +Deployed +Rejected$/m);
    expect(text).toMatch(/^training files +3, 300 B +4, 300 B \(\+2 −1\)$/m);
    expect(text).toMatch(/^data hash +a{12} +b{12}$/m);
    expect(text).toMatch(/^definition +f1 +same$/m);
    expect(text).toMatch(/^ {2}eta +0\.1 +not known$/m);
    expect(text).toMatch(/^instances +1 × ml\.m5\.large +ml\.m5\.xlarge$/m);
    expect(text).toMatch(/^training validation:mse +7\.25 +8 \(\+0\.75, \+10\.3 %\)\*$/m);
    expect(text).toMatch(/^rows judged on +640 of 2026-10-01 to 2026-10-30 +640 of .* \(others\)$/m);
    expect(text).toMatch(/^judged mdape +0\.2 +0\.1 ≠ rows$/m);
    expect(text).toContain("* on other data than the first run's");
    expect(text).toContain('≠ rows: judged on other rows than the first run, so not comparable');
    expect(text).toMatch(/The hyperparameters of retrain\/housing\/2026-11-02\S+ are not known/);
    expect(text).toMatch(/Only the hash of the definition of retrain\/housing\/2026-11-02/);
  });

  it('counts equal hyperparameters and shows the others', () => {
    const training = run(1).training as NonNullable<LoadedRun['training']>;
    const hyperparameters = { eta: '0.1', max_depth: '6', gamma: '2' };
    const text = table([run(1), run(2, {}, { training: { ...training, hyperparameters } })]);
    expect(text).toMatch(/^hyperparameters \(1 equal\) +2 +3$/m);
    expect(text).toMatch(/^ {2}max_depth +5 +6$/m);
    expect(text).toMatch(/^ {2}gamma +– +2$/m);
    expect(text).not.toMatch(/^ {2}eta/m);
  });

  it('fits the terminal: ten runs in several tables, the first run in each', () => {
    const runs = Array.from({ length: 10 }, (_, index) => run(index + 1));
    const lines = renderTable(output, compareView(runs), 120).split('\n');
    const headers = lines.filter((line) => line.startsWith('RUN'));
    expect(headers.length).toBeGreaterThan(2);
    for (const header of headers) expect(header).toContain(at(1));
    for (let day = 2; day <= 10; day++) expect(headers.filter((line) => line.includes(at(day)))).toHaveLength(1);
    for (const line of lines.filter((one) => !one.startsWith('Only'))) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('is Markdown where that is asked for, with nothing in it that Markdown would take for its own', () => {
    const text = renderMarkdown(compareView([run(1), run(2, {}, {}, 'a|b')]));
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    expect(rows[1]).toBe('| --- | --- | --- |');
    expect(text).toContain(String.raw`| model | housing | a\|b |`);
    expect(new Set(rows.map((line) => line.replaceAll(String.raw`\|`, '').split('|').length))).toEqual(new Set([5]));
  });

  it('names files, those that a run was judged on apart', () => {
    const holdout = { ...NONE, added: ['new.csv'] };
    const text = renderFiles(
      compareView([run(1), run(2, {}, { files: { ...NONE, changed: ['x.csv'] }, holdout }), run(3)]),
    );
    expect(text).toBe(
      `retrain/housing/${at(2)}:\n~ x.csv\n+ new.csv (holdout)\n\nretrain/housing/${at(3)}:\nno file differs`,
    );
  });
});
