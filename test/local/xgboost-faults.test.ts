import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { image, makeBase, python, rows, train } from './xgboost-program.js';

const few = { num_round: '5' };

describe('hyperparameters', () => {
  /** What the image makes of these hyperparameters: its settings, or the job's failure. */
  const parse = (given: Record<string, string>) =>
    python(
      '-c',
      `import json, sys
sys.path.insert(0, sys.argv[1])
from xgboost_image.container import describe_fault
from xgboost_image.hyperparameters import parse_hyperparameters
try:
    print(parse_hyperparameters(json.loads(sys.argv[2])))
except Exception as error:
    print(describe_fault(error))`,
      image,
      JSON.stringify(given),
    );

  it.each([
    ['no num_round', {}, 'num_round is required'],
    [
      'a misspelt hyperparameter',
      { ...few, max_dept: '3' },
      'unknown hyperparameter max_dept: did you mean max_depth?',
    ],
    [
      'several faults, all of them',
      { num_round: '0', eta: '1.5', subsample: '0', tree_method: 'gpu_hist', objective: 'squared', verbosity: 'loud' },
      "ClientError: Bad hyperparameters: num_round is '0': it must be a whole number of at least 1; eta is '1.5': it must be a number of at least 0 and at most 1; subsample is '0': it must be a number above 0 and at most 1; tree_method is 'gpu_hist': it must be auto, exact, approx or hist (this image has no GPU); objective is 'squared': it must be",
    ],
    ['classes without a number', { ...few, objective: 'multi:softmax' }, 'num_class is required for the objective'],
    ['a number of classes without classes', { ...few, num_class: '3' }, 'num_class does not go with the objective'],
    ['a metric of another task', { ...few, eval_metric: 'auc' }, 'eval_metric auc does not go with'],
    ['a metric of the container', { ...few, eval_metric: 'rmse,f1' }, "SageMaker's container computes some more"],
    ['a setting and its alias', { ...few, eta: '1', learning_rate: '1' }, 'learning_rate is another name of eta'],
    ['one the image lacks', { ...few, _kfold: '5' }, '_kfold is a hyperparameter of'],
  ])('are refused for %s', async (_name, given: Record<string, string>, message) => {
    const text = await parse(given);
    expect(text).toMatch(/^ClientError: Bad hyperparameters: /);
    expect(text).toContain(message);
  });

  it('are all taken that SageMaker has and this image uses', async () => {
    const text = await parse({
      ...{ num_round: '10', booster: 'dart', sample_type: 'weighted', normalize_type: 'forest', rate_drop: '0.1' },
      ...{ one_drop: '1', skip_drop: '0', verbosity: '0', nthread: '1', gamma: '0', max_delta_step: '0', alpha: '0' },
      ...{ colsample_bylevel: '1', colsample_bynode: '1', tree_method: 'hist', scale_pos_weight: '1', max_bin: '256' },
      ...{ grow_policy: 'lossguide', max_leaves: '0', monotone_constraints: '(1,0,-1)', num_parallel_tree: '1' },
      ...{ interaction_constraints: '[[0,1],[2]]', base_score: '0.5', seed: '-5', sampling_method: 'uniform' },
      ...{
        process_type: 'default',
        refresh_leaf: '1',
        updater: 'grow_quantile_histmaker',
        eval_metric: 'error@0.7,map@3',
      },
    });
    expect(text).toMatch(/^Settings\(num_round=10, .*ignored=\[\]\)$/m);
  });
});

describe('data', () => {
  it.each([
    [
      'a word',
      few,
      { 'train/a.csv': '1,2\n', 'train/b.csv': '1,2\n3,four\n' },
      "train/b.csv line 2: value 2 is 'four'",
    ],
    [
      'a header',
      few,
      { 'train/a.csv': 'price,x\n1,2\n' },
      "value 1 is 'price', which is not a finite number. Is it a header?",
    ],
    ['a ragged row', few, { 'train/a.csv': '1,2,3\n1,2\n' }, 'train/a.csv line 2: 2 values, the rows before have 3'],
    [
      'files of several widths',
      few,
      { 'train/a.csv': '1,2\n', 'train/b.csv': '1,2,3\n' },
      'train/b.csv: rows of 3 values',
    ],
    ['a missing label', few, { 'train/a.csv': '1,2\n,2\n' }, 'train/a.csv row 2: the label is missing'],
    ['a bare label', few, { 'train/a.csv': '1\n2\n' }, 'a row needs a label and at least one feature'],
    ['no channel train', few, {}, 'Channel train is missing'],
    ['an empty channel', few, { 'train/a.csv': '\n' }, 'Channel train is empty: no row in 1 files'],
    [
      'an empty channel validation',
      few,
      { 'train/a.csv': '1,2\n', 'validation/v.csv': '' },
      'Channel validation is empty',
    ],
    [
      'another width in validation',
      few,
      { 'train/a.csv': '1,2\n', 'validation/v.csv': '1,2,3\n' },
      'Channel validation has 2',
    ],
    [
      'a label that XGBoost refuses',
      { ...few, objective: 'reg:gamma' },
      { 'train/a.csv': '-1,2\n' },
      'XGBoost refused the job: ',
    ],
  ])('says what is wrong with %s', async (_name, settings: Record<string, string>, files, message) => {
    await using job = await makeBase(settings, files as Record<string, string>);
    const { code, log } = await train(job.base);
    expect(code, log).toBe(1);
    const failure = await job.failure();
    expect(failure).toMatch(/^ClientError: /);
    expect(failure).toContain(message);
    await expect(access(join(job.base, 'model/xgboost-model'))).rejects.toThrow('ENOENT');
  });

  it.each([
    [{ train: {} }, 'Channel train has no content type, which means LIBSVM: set ContentType to text/csv'],
    [{ train: { ContentType: 'text/libsvm' } }, 'Channel train has the content type text/libsvm'],
    [{ train: { ContentType: 'text/csv;label_size=2' } }, 'label_size=2: this image reads text/csv with one label'],
    [{ train: { ContentType: 'text/csv', TrainingInputMode: 'Pipe' } }, 'set File or FastFile'],
  ])('refuses an input that it would read wrongly: %j', async (inputs, message) => {
    await using job = await makeBase(few, { 'train/a.csv': rows(0, 10) });
    await job.config('inputdataconfig', inputs);
    expect((await train(job.base)).code).toBe(1);
    expect(await job.failure()).toContain(message);
  });
});
