import { spawn, spawnSync } from 'node:child_process';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { finish, image, makeBase, train, type Artifact } from './linear-learner-program.js';

const regressor = { predictor_type: 'regressor' };
const classifier = { predictor_type: 'binary_classifier' };

/** y = 3 + 2a − 0.5b without noise, over two files whose name order is not their creation order. */
const plane = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => [Math.sin(from + i), ((from + i) * 7) % 11])
    .map(([a, b]) => `${3 + 2 * (a as number) - 0.5 * (b as number)},${a},${b}\n`)
    .join('');

const predict = (model: Artifact, row: number[]) =>
  row.reduce(
    (sum, value, j) =>
      sum + ((model.coefficients[j] as number) * (value - (model.means[j] as number))) / (model.scales[j] as number),
    model.intercept,
  );

/** The last value of a metric line, as a metric definition's regular expression would find it. */
const metric = (log: string, name: string) =>
  Number([...log.matchAll(new RegExp(`#quality_metric: host=\\S+, ${name} <\\w+>=(\\S+)`, 'g'))].at(-1)?.[1]);

describe('training', () => {
  it('recovers the plane behind the rows and logs the metrics of linear-learner', async () => {
    await using job = await makeBase(
      { ...regressor, feature_dim: '2', mini_batch_size: '1000', epochs: '15', learning_rate: '0.1' },
      {
        'input/data/train/2020/b.csv': plane(20, 20),
        'input/data/train/a.csv': plane(0, 20),
        'input/data/train/_SUCCESS': '',
        'input/data/validation/v.csv': plane(100, 5).replace(/^[^,]+/, '0'),
        'input/config/resourceconfig.json': JSON.stringify({ current_host: 'algo-1', hosts: ['algo-1'] }),
        'input/config/inputdataconfig.json': JSON.stringify({ train: { ContentType: 'text/csv;label_size=1' } }),
      },
    );
    const { code, log } = await train(job.base, { TRAINING_JOB_NAME: 'plane-1' });
    expect(code, log).toBe(0);
    const model = await job.artifact();
    expect(model).toMatchObject({ id: 'plane-1', featureDim: 2 });
    expect(predict(model, [10, 100])).toBeCloseTo(3 + 20 - 50, 9);
    expect(log).toContain('40 rows from 2 files of channel train');
    expect(log).toMatch(
      /^\[\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d INFO \d+\] #quality_metric: host=algo-1, epoch=0, train mse <loss>=/m,
    );
    expect(metric(log, 'train mse')).toBeLessThan(1e-20);
    const off = Number(plane(100, 1).split(',')[0]);
    expect(metric(log, 'validation mse')).toBeCloseTo(off ** 2 / 5, 9);
    expect(metric(log, 'validation rmse')).toBeCloseTo(Math.sqrt(off ** 2 / 5), 9);
    expect(await readdir(join(job.base, 'model'))).toEqual(['model.json']);
  });

  it('shrinks by wd and l1 as the closed forms for one normalised feature say', async () => {
    const rows = [
      [1, 0],
      [3, 1],
      [2, 2],
      [5, 3],
      [4, 5],
    ] as const;
    const csv = rows.map((row) => `${row.join(',')}\n`).join('');
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const [my, mx] = [mean(rows.map(([y]) => y)), mean(rows.map(([, x]) => x))];
    const sdx = Math.sqrt(mean(rows.map(([, x]) => (x - mx) ** 2)));
    const sdy = Math.sqrt(mean(rows.map(([y]) => (y - my) ** 2)));
    const r = mean(rows.map(([y, x]) => (y - my) * (x - mx))) / (sdx * sdy);
    const expected: [Record<string, string>, number][] = [
      [{ wd: '0.5' }, r / 1.5],
      [{ l1: '0.25' }, r - 0.25],
      [{ l1: '0.25', wd: '0.5' }, (r - 0.25) / 1.5],
      [{ l1: '5' }, 0],
    ];
    for (const [penalty, coefficient] of expected) {
      await using job = await makeBase({ ...regressor, ...penalty }, { 'input/data/train/a.csv': csv });
      expect((await train(job.base)).code).toBe(0);
      const model = await job.artifact();
      expect(model.coefficients[0], JSON.stringify(penalty)).toBeCloseTo(coefficient * sdy, 9);
      expect(model.intercept).toBeCloseTo(my, 12);
    }
  });

  it('fits columns that repeat each other, never change, or outnumber the rows', async () => {
    const csv = '1,1,2,7,0\n2,2,4,7,1\n3,3,6,7,0\n4,4,8,7,1\n5,5,10,7,3\n6,6,12,7,0\n';
    await using job = await makeBase(regressor, { 'input/data/train/a.csv': csv });
    expect((await train(job.base)).code).toBe(0);
    expect(predict(await job.artifact(), [10, 20, 7, 2])).toBeCloseTo(10, 8);
    await using short = await makeBase(regressor, { 'input/data/train/a.csv': '1,1,2,3\n2,4,5,7\n' });
    expect((await train(short.base)).code).toBe(0);
    expect(predict(await short.artifact(), [4, 5, 7])).toBeCloseTo(2, 9);
  });

  it('finds the largest likelihood of a classifier, and ends on classes that a line separates', async () => {
    const rows = (label: number, x: number, count: number) => `${label},${x}\n`.repeat(count);
    const csv = rows(1, 0, 2) + rows(0, 0, 8) + rows(1, 1, 9) + rows(0, 1, 3);
    await using job = await makeBase(classifier, { 'input/data/train/a.csv': csv });
    const { code, log } = await train(job.base);
    expect(code, log).toBe(0);
    const model = await job.artifact();
    expect(1 / (1 + Math.exp(-predict(model, [0])))).toBeCloseTo(2 / 10, 6);
    expect(1 / (1 + Math.exp(-predict(model, [1])))).toBeCloseTo(9 / 12, 6);
    expect(metric(log, 'train binary_classification_accuracy')).toBeCloseTo(17 / 22, 9);
    expect(metric(log, 'train recall')).toBeCloseTo(9 / 11, 9);
    expect(metric(log, 'epoch=0, train binary_classification_cross_entropy_objective')).toBeGreaterThan(0);

    await using apart = await makeBase(classifier, { 'input/data/train/a.csv': '0,1\n0,2\n1,3\n1,4\n' });
    const separated = await train(apart.base);
    expect(separated.code, separated.log).toBe(0);
    expect(metric(separated.log, 'train binary_classification_accuracy')).toBe(1);
  });

  it.each([
    [
      'a word',
      regressor,
      { 'train/a.csv': '1,2\n', 'train/b.csv': '1,2\n\n3,four\n' },
      "train/b.csv line 3: value 2 is 'four'",
    ],
    [
      'NaN',
      regressor,
      { 'train/a.csv': '1,NaN\n' },
      "train/a.csv line 1: value 2 is 'NaN', which is not a finite number",
    ],
    ['an empty value', regressor, { 'train/a.csv': '1,2,3\n1,,3\n' }, 'train/a.csv line 2: value 2 is empty'],
    ['a header', regressor, { 'train/a.csv': 'label,x\n1,2\n' }, 'Is it a header? There must be none'],
    [
      'a ragged row',
      regressor,
      { 'train/a.csv': '1,2,3\n', 'train/b.csv': '1,2\n' },
      'train/b.csv line 1: 1 features after the label, the first row (train/a.csv line 1) has 2',
    ],
    ['a bare label', regressor, { 'train/a.csv': '1\n' }, 'train/a.csv line 1: a row needs a label'],
    [
      'another width than feature_dim',
      { ...regressor, feature_dim: '3' },
      { 'train/a.csv': '1,2\n' },
      '1 features after the label, the hyperparameter feature_dim says 3',
    ],
    [
      'another width in validation',
      regressor,
      { 'train/a.csv': '1,2\n2,3\n', 'validation/v.csv': '1,2,3\n' },
      'validation/v.csv line 1: 2 features after the label, channel train has 1',
    ],
    ['an open quote', regressor, { 'train/a.csv': '1,"2\n' }, 'train/a.csv: Quote Not Closed'],
    ['no train channel', regressor, {}, 'Channel train is missing'],
    ['an empty channel', regressor, { 'train/a.csv': '\n' }, 'Channel train is empty'],
    [
      'an empty validation channel',
      regressor,
      { 'train/a.csv': '1,2\n', 'validation/v.csv': '' },
      'Channel validation is empty',
    ],
    ['a label of no class', classifier, { 'train/a.csv': '0,1\n2,1\n' }, 'train/a.csv line 2: the label is 2'],
    ['a single class', classifier, { 'train/a.csv': '1,1\n1,2\n' }, 'Every label of channel train is 1'],
    ['no predictor_type', {}, {}, 'predictor_type is required'],
    [
      'a misspelt hyperparameter',
      { ...regressor, learning_rte: '1' },
      {},
      'unknown hyperparameter learning_rte: did you mean learning_rate?',
    ],
    ['one the image lacks', { ...regressor, loss: 'absolute_loss' }, {}, 'loss is a hyperparameter of SageMaker'],
    [
      'several bad values',
      { ...regressor, wd: '-1', epochs: '1.5' },
      {},
      "wd is '-1': it must be a number of at least 0, or auto; epochs is '1.5'",
    ],
  ])('says what is wrong with %s', async (_name, hyperparameters: Record<string, string>, data, message) => {
    const files = Object.fromEntries(
      Object.entries(data).map(([name, text]) => [`input/data/${name}`, text as string]),
    );
    await using job = await makeBase(hyperparameters, files);
    const { code } = await train(job.base);
    expect(code).toBe(1);
    expect(await job.failure()).toContain(message);
    await expect(access(join(job.base, 'model/model.json'))).rejects.toThrow('ENOENT');
  });

  it('ends on SIGTERM with a non-zero code, without a model or a failure', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 3000 }, (_, i) => [`input/data/train/${i}.csv`, plane(i, 1)]),
    );
    await using job = await makeBase(regressor, files);
    const child = spawn(join(image, 'train'), { env: { PATH: process.env['PATH'], SAGEMAKER_BASE_DIR: job.base } });
    child.stdout.once('data', () => child.kill('SIGTERM'));
    const { code, log } = await finish(child);
    expect(code, log).toBe(143);
    expect(await readdir(job.base)).toEqual(['input']);
  });
});

describe('the folder /opt/ml', () => {
  /** Makes /opt/ml in a mount namespace of its own; the other folders of /opt stay visible, the host's stay untouched. */
  const script = `set -e
    mkdir -p "$1/old"; mount --rbind /opt "$1/old"; mount -t tmpfs tmpfs /opt
    for entry in "$1"/old/*/; do [ -d "$entry" ] || continue
      name=$(basename "$entry"); mkdir "/opt/$name"; mount --rbind "$entry" "/opt/$name"; done
    mkdir -p /opt/ml; mount --bind "$1" /opt/ml; exec "$2"`;
  const namespaces = spawnSync('unshare', ['-rm', 'true']).status === 0;

  it('is the base where SAGEMAKER_BASE_DIR is not set', async () => {
    const container = JSON.stringify(join(image, 'lib/container.mjs'));
    const code = `import { readContainer } from ${container}; console.log(readContainer().data, readContainer().port)`;
    const { log } = await finish(spawn(process.execPath, ['--input-type=module', '-e', code], { env: {} }));
    expect(log.trim()).toBe('/opt/ml/input/data 8080');
    // The whole program can only be tried where a user may have a mount namespace.
    if (!namespaces) return;
    await using job = await makeBase(regressor, { 'input/data/train/a.csv': plane(0, 10) });
    const env = { PATH: process.env['PATH'] };
    const run = await finish(
      spawn('unshare', ['-rm', 'sh', '-c', script, 'sh', job.base, join(image, 'train')], { env }),
    );
    expect(run.code, run.log).toBe(0);
    expect(predict(await job.artifact(), [1, 1])).toBeCloseTo(4.5, 9);
  });
});
