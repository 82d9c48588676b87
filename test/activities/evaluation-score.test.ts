import { PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createEvaluationActivities } from '../../activities/evaluation/index.js';
import type { EvaluationActivities, Holdout, ScoreRecord } from '../../contracts/evaluation.js';
import { deploymentName, predictionsPrefix, scoreKey, transformJobName } from '../../contracts/names.js';
import { failureOf } from './support/local-sagemaker.js';
import { World } from './support/world.js';

let world: World;
let activities: EvaluationActivities;
beforeAll(async () => {
  world = await World.make();
  activities = createEvaluationActivities({ s3: world.s3, sagemaker: world.sagemaker });
});
afterAll(() => world.close());

type ScoreInput = Parameters<EvaluationActivities['scoreModels']>[0];
let input: ScoreInput;
let folder: string;

const ROWS = { '2026-01-09.csv': '3,1,2\r\n9,4,4\r\n', '2026-01-10.csv': '7,3,4\n\n12,5,5\n' };
const ANSWERS = { '2026-01-09.csv': '3,3.0\n9,8.0\n', '2026-01-10.csv': '7,7.0\n12,10.0\n' };

/** A run whose transform job has written what `answers` says. The holdout is two files, the older the second. */
async function judged(
  answers: Readonly<Record<string, string>>,
  form: 'csv' | 'jsonlines' = 'csv',
  rows: Readonly<Record<string, string>> = ROWS,
): Promise<void> {
  await Promise.all([
    world.put('2026-01-01.csv'),
    ...Object.entries(rows).map(([name, body]) => world.put(name, body)),
  ]);
  const definition = world.definition({ evaluation: { metric: 'mae', holdout: 'P2D', answers: form } });
  const checkInput = world.input({ definition, force: true });
  const { ref } = checkInput;
  const { holdout, fileRecordUri } = await world.run(world.data.checkData, checkInput);
  folder = `${predictionsPrefix(definition.data.output, ref.runTime)}candidate/`;
  await Promise.all(Object.entries(answers).map(([name, body]) => put(`${folder}${name}.out`, body)));
  input = {
    ref,
    definition,
    fileRecordUri: fileRecordUri as string,
    holdout: holdout as Holdout,
    started: {
      modelName: deploymentName(ref.model, ref.runTime),
      transformJob: transformJobName(ref.model, ref.runTime, 'candidate', 1),
      warnings: [],
    },
  };
}

const put = async (key: string, body: string) => {
  await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key: key, Body: body }));
};
const score = () => world.run(activities.scoreModels, input);
const failure = () => failureOf(score());

beforeEach(() => judged(ANSWERS));

describe('scoreModels', () => {
  it('counts the rows of all files, blank lines and line ends of any kind left out', async () => {
    expect(await score()).toMatchObject({ metric: 'mae', rows: 4, candidate: { metrics: { mae: 0.75 } } });
  });

  it('writes a record once, which every later try takes', async () => {
    const first = await score();
    await put(`${folder}2026-01-10.csv.out`, 'no answers any more');
    expect(await score()).toEqual(first);
    const record = (await world.json(first.candidate.scoreUri)) as ScoreRecord;
    expect(record).toMatchObject({ version: 1, modelName: input.started.modelName, rows: 4, notes: [] });
    const { output } = input.definition.data;
    const key = scoreKey(output, input.started.modelName, input.holdout.hash);
    expect(first.candidate.scoreUri).toBe(`s3://${world.bucket}/${key}`);
  });

  it('finds answers below the folders of the input, as the API reference of SageMaker shows them', async () => {
    await judged({
      'train/2026-01-09.csv': ANSWERS['2026-01-09.csv'],
      'train/2026-01-10.csv': ANSWERS['2026-01-10.csv'],
    });
    expect(await score()).toMatchObject({ rows: 4, candidate: { metrics: { mae: 0.75 } } });
  });

  it('reads scores, classes and several predictions a line in JSON', async () => {
    await judged(
      {
        '2026-01-09.csv': '{"predictions":[{"score":3},{"score":8}]}\n',
        '2026-01-10.csv': '{"score":6.6,"predicted_label":8}\n{"score":[0.1,0.9],"predicted_label":12}\n',
      },
      'jsonlines',
    );
    const { metrics } = (await score()).candidate;
    expect(metrics.mae).toBeCloseTo((0 + 1 + 0.4 + 0) / 4, 12);
    expect(metrics.accuracy).toBe(0.5);
  });

  it('takes a prediction that is no finite number for one that makes the metric undefined', async () => {
    await judged({ ...ANSWERS, '2026-01-10.csv': '7,nan\n12,10.0\n' });
    expect((await score()).candidate.metrics).toMatchObject({ mae: null, accuracy: 0.25 });
  });
});

describe('what can not be scored names file and line, and no value or key', () => {
  const cases: [string, Record<string, string>, RegExp][] = [
    [
      'a missing answer',
      { ...ANSWERS, '2026-01-09.csv': '3,3.0\n' },
      /^file 2 of the holdout \(2026-01-09\), line 2: .* gave no prediction/,
    ],
    [
      'an answer too many',
      { ...ANSWERS, '2026-01-10.csv': '7,7.0\n12,10.0\n\n5,1\n' },
      /^the answers of .* to file 1 of the holdout \(2026-01-10\), line 4: a prediction too many/,
    ],
    [
      'a word for an answer',
      { ...ANSWERS, '2026-01-10.csv': '7,7.0\n12,secret-word\n' },
      /to file 1 of the holdout \(2026-01-10\), line 2: no label and one number/,
    ],
    [
      'more fields than two',
      { ...ANSWERS, '2026-01-10.csv': '7,1,7.0\n12,1,10.0\n' },
      /line 1: no label and one number/,
    ],
    [
      'the answers of other rows',
      { ...ANSWERS, '2026-01-10.csv': '12,10.0\n7,7.0\n' },
      /line 1: the label is not that of line 1 of the file/,
    ],
    [
      'a file without answers',
      { '2026-01-10.csv': ANSWERS['2026-01-10.csv'] },
      /^file 2 of the holdout \(2026-01-09\): transform job .* left no answers/,
    ],
  ];
  it.each(cases)('%s', async (_what, answers, message) => {
    await judged(answers);
    const found = await failureOf(score());
    expect(found).toMatchObject({ type: 'DataInvalid', nonRetryable: true });
    expect(found.message).toMatch(message);
    expect(found.message).not.toMatch(/secret|2026-01-\d\d\.csv/);
  });

  it('a label that is no number, by its line in the file', async () => {
    await judged(ANSWERS, 'csv', { ...ROWS, '2026-01-10.csv': '7,3,4\n\nsecret,5,5\n' });
    const { message } = await failure();
    expect(message).toMatch(/^file 1 of the holdout \(2026-01-10\), line 3: the first field is no number/);
    expect(message).not.toContain('secret');
  });

  it('an answer that is no JSON', async () => {
    await judged(ANSWERS, 'jsonlines');
    expect((await failure()).message).toMatch(/line 1: neither \{"score": …\}/);
  });

  it('a holdout without rows', async () => {
    await judged({ '2026-01-09.csv': '\n', '2026-01-10.csv': '\n' }, 'csv', {
      '2026-01-09.csv': '\n',
      '2026-01-10.csv': ' \n',
    });
    expect(await failure()).toMatchObject({
      type: 'DataInvalid',
      message: expect.stringContaining('have no rows') as unknown,
    });
  });

  it('a file that changed since the run looked at it', async () => {
    await world.put('2026-01-10.csv', '8,3,4\n12,5,5\n');
    const { type, message } = await failure();
    expect(type).toBe('DataChanged');
    expect(message).toMatch(/^file 1 of the holdout \(2026-01-10\) changed since this run looked at it/);
  });
});
