import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish } from './linear-learner-program.js';
import { makeBase, python, rows, start, train } from './xgboost-program.js';

const few = { num_round: '5' };

/** The metric lines of a log: what each round says, by name. */
const rounds = (log: string) =>
  [...log.matchAll(/^\[\d+\]\t(.*)$/gm)].map(([, line]) =>
    Object.fromEntries(
      String(line)
        .split('\t')
        .map((pair) => pair.split(':'))
        .map(([name, value]) => [name, Number(value)]),
    ),
  );

// The first use of the image installs its packages.
beforeAll(() => python('-c', 'import xgboost'), 600_000);

describe('training', () => {
  it('boosts like the package itself, logs each round and is the same again for the same seed', async () => {
    const settings = { num_round: '20', eta: '0.3', max_depth: '3', subsample: '0.7', seed: '7', lambda: '2' };
    const files = {
      'train/2020/b.csv': rows(200, 100),
      'train/a.csv': rows(0, 200),
      'train/_SUCCESS': '',
      'validation/v.csv': rows(1000, 50),
    };
    const artifacts: Buffer[] = [];
    for (let time = 0; time < 2; time += 1) {
      await using job = await makeBase(settings, files);
      const { code, log } = await train(job.base, { TRAINING_JOB_NAME: 'plane-1' });
      expect(code, log).toBe(0);
      expect(log).toContain('Train matrix has 300 rows and 4 columns, from 2 files');
      expect(log).toMatch(/^\[0\]\ttrain-rmse:\d\.\d+\tvalidation-rmse:\d\.\d+$/m);
      expect(rounds(log)).toHaveLength(20);
      expect(await readdir(join(job.base, 'model'))).toEqual(['xgboost-model']);
      artifacts.push(await job.artifact());
      if (time > 0) continue;
      const data = join(job.base, 'input/data');
      const answer = await python(
        '-c',
        `import json, sys, numpy as np, xgboost
a, b, v = [np.loadtxt(f, delimiter=",") for f in sys.argv[1:4]]
t = np.concatenate([b, a])
m = xgboost.train(dict(eta=.3, max_depth=3, subsample=.7, seed=7, **{"lambda": 2}), xgboost.DMatrix(t[:, 1:], t[:, 0]), 20)
own = xgboost.Booster(model_file=sys.argv[4])
d = xgboost.DMatrix(v[:, 1:], v[:, 0])
print(json.dumps([float(np.abs(m.predict(d) - own.predict(d)).max()), m.eval(d), own.attr("training_job")]))`,
        join(data, 'train/a.csv'),
        join(data, 'train/2020/b.csv'),
        join(data, 'validation/v.csv'),
        join(job.base, 'model/xgboost-model'),
      );
      const [distance, evaluated, jobName] = JSON.parse(answer) as [number, string, string];
      expect(distance).toBe(0);
      expect(rounds(log).at(-1)?.['validation-rmse']).toBeCloseTo(Number(evaluated.split(':').at(-1)), 4);
      expect(jobName).toBe('plane-1');
    }
    expect(artifacts[0]?.equals(artifacts[1] as Buffer)).toBe(true);
  });

  it('stops early by the last metric on channel validation, at the best round', async () => {
    const noise = (x: number[]) => 3 * (x[0] ?? 0) + Math.sin(999 * (x[1] ?? 0));
    const files = { 'train/a.csv': rows(0, 100, noise), 'validation/v.csv': rows(500, 100, noise) };
    const settings = { num_round: '500', eval_metric: 'rmse,mae', early_stopping_rounds: '5', max_depth: '6' };
    await using job = await makeBase(settings, files);
    const { code, log } = await train(job.base);
    expect(code, log).toBe(0);
    const mae = rounds(log).map((round) => Number(round['validation-mae']));
    expect(mae.length).toBeLessThan(500);
    const best = mae.indexOf(Math.min(...mae));
    expect(mae).toHaveLength(best + 1 + 5);
    expect(log).toContain(`of ${best + 1} rounds to`);

    await using other = await makeBase({ ...settings, num_round: '9' }, { 'train/a.csv': files['train/a.csv'] });
    const unheeded = await train(other.base);
    expect(unheeded.log).toContain('Without effect, as the job has no channel validation: early_stopping_rounds');
    expect(rounds(unheeded.log)).toHaveLength(9);
  });

  it('knows objectives, weights, missing values, old names and aliases', async () => {
    const label = (x: number[]) => Math.floor(3 * (x[0] ?? 0));
    const settings = { num_round: '5', objective: 'multi:softprob', num_class: '3', eval_metric: 'merror,mlogloss' };
    await using classes = await makeBase(settings, { 'train/a.csv': rows(0, 200, label).replace(/,[^,\n]+\n/, ',\n') });
    const { code, log } = await train(classes.base);
    expect(code, log).toBe(0);
    expect(Object.keys(rounds(log)[0] ?? {})).toEqual(['train-merror', 'train-mlogloss']);
    expect(rounds(log).at(-1)?.['train-merror']).toBeLessThan(0.05);

    const weighted = { ...few, csv_weights: '1', objective: 'reg:linear', learning_rate: '1', predictor: 'auto' };
    // The weight decides between two labels for one and the same row.
    await using job = await makeBase(weighted, { 'train/a.csv': '0,1,5\n10,3,5\n0,1,5\n10,3,5\n' });
    const done = await train(job.base);
    expect(done.code, done.log).toBe(0);
    expect(done.log).toMatch(/Without effect in XGBoost 3\.2\.0: predictor/);
    expect(rounds(done.log).at(-1)?.['train-rmse']).toBeCloseTo(Math.sqrt((1 * 7.5 ** 2 + 3 * 2.5 ** 2) / 4), 4);
  });

  it('refuses several instances', async () => {
    await using job = await makeBase(few, { 'train/a.csv': rows(0, 10) });
    await job.config('resourceconfig', { hosts: ['algo-1', 'algo-2'], current_host: 'algo-1' });
    expect((await train(job.base)).code).toBe(1);
    expect(await job.failure()).toContain('trains on one instance, the job has 2');
  });

  it('ends on SIGTERM without a failure, and with the model so far where that is asked for', async () => {
    for (const kept of [false, true]) {
      const settings = { num_round: '1000000', save_model_on_termination: String(kept) };
      await using job = await makeBase(settings, { 'train/a.csv': rows(0, 50) });
      const child = await start('train', job.base);
      child.stdout.on('data', (chunk: Buffer) => {
        if (chunk.includes('[3]\t')) child.kill('SIGTERM');
      });
      const { code, log } = await finish(child);
      expect(code, log).toBe(143);
      await expect(job.failure()).rejects.toThrow('ENOENT');
      if (kept) expect((await job.artifact()).length).toBeGreaterThan(0);
      else await expect(job.artifact()).rejects.toThrow('ENOENT');
    }
  });
});
