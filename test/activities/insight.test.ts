import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { CreateKeyCommand } from '@aws-sdk/client-kms';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { dataHash } from '../../activities/data/hashes.js';
import type { Comparison, ReportData } from '../../contracts/insight.js';
import { parseS3Uri } from '../../contracts/names.js';
import { awsClients } from '../support/aws.js';
import { evaluation, file, InsightWorld } from './support/insight-world.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';

let world: InsightWorld;
beforeAll(async () => {
  world = await InsightWorld.make();
});
afterAll(() => world.close());

const ask = async (runs: readonly string[], definition = world.definition()) => {
  const outputUri = world.outputUri();
  const { bytes } = await runActivity(world.activities.compareRuns, { definition, outputUri, runs });
  const answer = await world.read<Comparison>(outputUri);
  expect(bytes).toBe(Buffer.byteLength(JSON.stringify(answer)));
  return answer.runs;
};

describe('compareRuns', () => {
  it('names the files that differ from the first, what a run was judged on apart', async () => {
    const held = [file('holdout', '2026-01-31')];
    const first = await world.run(
      '2026-01-31T00:00:00.000Z',
      { evaluation: evaluation(dataHash(held), 0.2) },
      { files: [file('train', '2026-01-01'), file('train', '2026-01-02'), file('train', '2026-01-03'), ...held] },
    );
    const heldLater = [file('holdout', '2026-02-01')];
    const second = await world.run(
      '2026-02-01T00:00:00.000Z',
      { evaluation: evaluation(dataHash(heldLater), 0.1) },
      {
        files: [
          ...[file('train', '2026-01-02', 'b'), file('train', '2026-01-03'), file('train', '2026-01-30', 'a', 50)],
          ...heldLater,
        ],
      },
    );
    const [one, two] = await ask([first.run, second.run]);
    expect(one?.outcome).toEqual(JSON.parse(JSON.stringify(first)));
    expect(one).toMatchObject({ files: { files: 3, bytes: 300, added: [], removed: [], changed: [] } });
    expect(two?.files).toEqual({
      files: 3,
      bytes: 250,
      added: ['data/housing/train/2026-01-30.csv'],
      removed: ['data/housing/train/2026-01-01.csv'],
      changed: ['data/housing/train/2026-01-02.csv'],
    });
    expect(two?.holdout).toMatchObject({
      added: ['data/housing/2026-02-01.csv'],
      removed: ['data/housing/2026-01-31.csv'],
    });
  });

  it('tells the holdout apart for a change by hand too, which neither trained nor judged', async () => {
    const files = [file('train', '2026-01-01'), file('holdout', '2026-01-31')];
    const first = await world.run('2026-01-31T01:00:00.000Z', { evaluation: evaluation('h', 0.2) }, { files });
    const back = await world.run(
      '2026-01-31T02:00:00.000Z',
      { kind: 'rollback', trainingJob: undefined, metrics: [] },
      { files },
    );
    const [, second] = await ask([first.run, back.run]);
    expect(second?.files).toMatchObject({ files: 1, added: [], removed: [], changed: [] });
    expect(second?.holdout).toMatchObject({ files: 1, added: [], removed: [], changed: [] });
  });

  it('asks SageMaker what a job was made with, and the outcome object where the job is gone', async () => {
    await world.train('compared-1', { num_round: '50' }, 2);
    await world.fixture.job('compared-1');
    const there = await world.run('2026-03-01T00:00:00.000Z', { trainingJob: 'compared-1' });
    const training = { image: 'registry/xgboost:1', hyperparameters: { num_round: '20' }, instanceCount: 1 };
    const gone = await world.run('2026-03-02T00:00:00.000Z', {
      training: { algorithm: 'xgboost', instanceType: 'ml.m5.xlarge', ...training },
    });
    const silent = await world.run('2026-03-03T00:00:00.000Z');
    const [first, second, third] = (await ask([there.run, gone.run, silent.run])).map((run) => run.training);
    expect(first).toMatchObject({
      ...{ source: 'sagemaker', hyperparameters: { num_round: '50' }, instanceType: 'ml.m5.large' },
      ...{ instanceCount: 2, volumeGiB: 5, spot: false, billableSeconds: expect.any(Number) as number },
    });
    expect(second).toMatchObject({ source: 'outcome', algorithm: 'xgboost', ...training, billableSeconds: 41 });
    expect(third).toEqual({
      ...{ source: 'outcome', trainingJob: 'housing-gone-1', image: 'registry/xgboost:1' },
      ...{ instanceType: 'ml.m5.xlarge', billableSeconds: 41 },
    });
  });

  it('takes runs of different models, runs that trained nothing, and runs that the ledger lacks', async () => {
    const first = await world.run('2026-04-01T00:00:00.000Z', {}, { indexed: false });
    const idle = await world.run('2026-04-02T00:00:00.000Z', {
      ...{ outcome: 'NoNewData', trainingJob: undefined, fileRecordUri: undefined, metrics: [] },
    });
    const other = await world.run('2026-04-03T00:00:00.000Z', {}, { model: 'flats' });
    const [, second, third] = await ask([first.run, idle.run, other.run]);
    expect(second).toEqual({ outcome: expect.objectContaining({ run: idle.run }) as object });
    expect(third?.outcome.model).toBe('flats');
  });

  it('says what to do about a run that has no outcome', async () => {
    const { run } = await world.run('2026-05-01T00:00:00.000Z');
    const missing = 'retrain/housing/2026-05-02T00:00:00.000Z';
    const failure = await failureOf(ask([run, missing]));
    expect(failure).toMatchObject({ type: 'ResourceMissing', nonRetryable: true });
    expect(failure.message).toContain(`Run ${missing} has no outcome to compare: wait for its end`);
  });

  it('compares what is left where a file record was removed', async () => {
    const first = await world.run('2026-06-01T00:00:00.000Z');
    const second = await world.run('2026-06-02T00:00:00.000Z');
    const { bucket: Bucket, key: Key } = parseS3Uri(first.fileRecordUri ?? '');
    await world.s3.send(new DeleteObjectCommand({ Bucket, Key }));
    const [one, two] = await ask([first.run, second.run]);
    expect(one?.files).toBeUndefined();
    expect(two?.files).toMatchObject({ files: 1, added: [], removed: [] });
  });

  it("encrypts its answer with the definition's key, and writes it again when it is retried", async () => {
    const { kms } = awsClients(inject('aws').endpoint);
    const key = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? '';
    const { run } = await world.run('2026-07-01T00:00:00.000Z');
    const definition = { ...world.definition(), encryption: { ...world.definition().encryption, key } };
    for (let tries = 0; tries < 2; tries++) await ask([run, run], definition);
    const { bucket: Bucket, key: Key } = parseS3Uri(world.outputUri());
    const head = await world.s3.send(new HeadObjectCommand({ Bucket, Key }));
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: key });
  });
});

describe('collectReport', () => {
  const collect = async (model: string, limit = 100) => {
    const outputUri = world.outputUri();
    await runActivity(world.activities.collectReport, { definition: world.definition(), outputUri, model, limit });
    return world.read<ReportData>(outputUri);
  };

  it('answers no runs of a model that never ran', async () => {
    expect(await collect('unborn')).toEqual({ model: 'unborn', runs: [] });
  });

  it('answers the newest runs whole, with the score record of the last one that was evaluated', async () => {
    const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
    const scoreUri = await world.score();
    const judged = evaluation('h', 0.2, { candidate: { modelName: 'm', metrics: { mdape: 0.2 }, scoreUri } });
    await world.run(at(1), {}, { model: 'reported' });
    const second = await world.run(at(2), { evaluation: judged }, { model: 'reported' });
    const third = await world.run(at(3), { outcome: 'Failed' }, { model: 'reported' });
    const { runs, score } = await collect('reported', 2);
    expect(runs).toEqual(JSON.parse(JSON.stringify([third, second])));
    expect(score).toMatchObject({ run: second.run, record: { rows: 40, sample: [[1, 1.1]] } });
  });

  it('says so where the score record is gone', async () => {
    const { run } = await world.run(
      '2026-01-01T00:00:00.000Z',
      {
        evaluation: evaluation('h', 0.2, {
          candidate: { modelName: 'm', metrics: {}, scoreUri: world.outputUri('never') },
        }),
      },
      { model: 'unscored' },
    );
    expect(await collect('unscored')).toMatchObject({
      noScore: `The score record of ${run}, ${world.outputUri('never')}, is gone.`,
    });
  });
});
