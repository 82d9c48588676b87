import { DescribeTransformJobCommand, ListTagsCommand, ListTransformJobsCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ScoreRecord } from '../../contracts/evaluation.js';
import { EvaluationWorld } from './support/evaluation-world.js';
import { failureOf, runActivity } from './support/local-sagemaker.js';

let world: EvaluationWorld;
beforeAll(async () => {
  world = await EvaluationWorld.make();
});
afterEach(() => world.world.clearRules());
afterAll(() => world.close());

/** Rows whose label is the sum of their features, but for one in each file. */
const FILES = {
  '2026-01-08.csv': '3,1,2\n5,2,3\n',
  '2026-01-09.csv': '3,1,2\n9,4,4\n',
  '2026-01-10.csv': '"7",3,4\n12,5,5\n0,0,1\n',
};

describe.each(['csv', 'jsonlines'] as const)('with answers in %s', (answers) => {
  const name = `sum-${answers}`;
  const definition = () => world.definition(name, { evaluation: { metric: 'rmse', holdout: 'P2D', answers } });

  it('judges a candidate on the rows that were held out', async () => {
    await world.upload(name, FILES);
    const judged = await world.trained(definition());
    expect(judged.holdout).toMatchObject({ files: 2, from: '2026-01-09', to: '2026-01-10' });
    const evaluation = await world.evaluate(judged);
    // Errors 0, 1 on the 9th, 0, 2, -1 on the 10th.
    expect(evaluation).toEqual({
      metric: 'rmse',
      holdout: { hash: judged.holdout.hash, files: 2, from: '2026-01-09', to: '2026-01-10' },
      rows: 5,
      candidate: {
        modelName: expect.stringMatching(new RegExp(`^${name}-2026`)) as unknown,
        metrics: {
          mae: 0.8,
          rmse: expect.closeTo(Math.sqrt(6 / 5), 12) as unknown,
          mape: expect.closeTo((1 / 9 + 2 / 12) / 4, 12) as unknown,
          mdape: expect.closeTo(1 / 18, 12) as unknown,
          r2: expect.closeTo(1 - 6 / 90.8, 12) as unknown,
          accuracy: 0.4,
        },
        scoreUri: expect.stringContaining(`/scores/${name}-2026`) as unknown,
      },
    });
    const record = JSON.parse(await world.text(evaluation.candidate.scoreUri)) as ScoreRecord;
    expect(record.sample).toEqual([
      [7, 7],
      [12, 10],
      [0, 1],
      [3, 3],
      [9, 8],
    ]);
    expect(record.notes).toEqual(['mdape and mape leave out 1 of 5 rows whose true value is 0']);
  });

  it('compares it with what is live, on the same rows, and transforms neither again', async () => {
    await world.upload(name, FILES);
    const live = await world.trained(definition(), { bias: 1 });
    await world.deploy(live);
    await world.upload(name, { '2026-01-12.csv': '4,2,2\n', '2026-01-13.csv': '5,2,3\n6,3,3\n' });
    const judged = await world.trained(definition());
    const first = await world.evaluate(judged);
    expect(first.notCompared).toBeUndefined();
    expect(first.live).toMatchObject({ rescored: true, metrics: { rmse: 1, mae: 1, accuracy: 0 } });
    expect(first.candidate.metrics).toMatchObject({ rmse: 0, accuracy: 1 });
    expect(first.liveConfig).toBe(first.live?.modelName);

    const again = await world.start({ ...judged, round: 2 });
    expect(again.live).toEqual({ modelName: first.live?.modelName });
    const scored = await runActivity(world.activities.scoreModels, { ...judged, started: again });
    expect(scored).toEqual({ ...first, live: { ...first.live, rescored: false } });
  });
});

describe('startEvaluation', () => {
  it('asks for what the definition says, once', async () => {
    const { KeyId } = { KeyId: 'alias/perennial-test' };
    const definition = world.definition('asked', {
      encryption: { key: KeyId },
      training: { image: 'sum', tags: { team: 'a' } },
    });
    await world.upload('asked', FILES);
    const judged = await world.trained(definition);
    await world.world.rule({ match: 'asked', kind: 'transform-job', action: 'complete' });
    const [one, two] = [
      await runActivity(world.activities.startEvaluation, judged),
      await runActivity(world.activities.startEvaluation, judged),
    ];
    expect(two).toEqual(one);
    const job = await world.world.sagemaker.send(
      new DescribeTransformJobCommand({ TransformJobName: one.transformJob }),
    );
    const folder = `s3://${world.world.bucket}/models/asked/runs/`;
    expect(job).toMatchObject({
      ModelName: one.modelName,
      BatchStrategy: 'MultiRecord',
      TransformInput: {
        ContentType: 'text/csv',
        SplitType: 'Line',
        DataSource: { S3DataSource: { S3DataType: 'ManifestFile', S3Uri: judged.holdout.manifestUri } },
      },
      TransformOutput: { Accept: 'text/csv', AssembleWith: 'Line', KmsKeyId: KeyId },
      TransformResources: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeKmsKeyId: KeyId },
      DataProcessing: { InputFilter: '$[1:]', JoinSource: 'Input', OutputFilter: '$[0,-1]' },
    });
    expect(job.TransformOutput?.S3OutputPath).toMatch(new RegExp(`^${folder}[^/]+/predictions/candidate/$`));
    const { Tags } = await world.world.sagemaker.send(new ListTagsCommand({ ResourceArn: job.TransformJobArn }));
    expect(Object.fromEntries((Tags ?? []).map(({ Key, Value }) => [Key, Value]))).toMatchObject({
      team: 'a',
      'perennial:model': 'asked',
      'perennial:run': judged.ref.run,
    });
    const { TransformJobSummaries } = await world.world.sagemaker.send(
      new ListTransformJobsCommand({ NameContains: 'asked' }),
    );
    expect(TransformJobSummaries).toHaveLength(1);
  });

  it('makes nothing where the instance type takes no volume key', async () => {
    const definition = world.definition('nvme', {
      encryption: { key: 'alias/perennial-test' },
      evaluation: { metric: 'rmse', holdout: 'P2D', instanceType: 'ml.g5.xlarge' },
    });
    await world.upload('nvme', FILES);
    const judged = await world.trained(definition);
    expect(await failureOf(runActivity(world.activities.startEvaluation, judged))).toMatchObject({
      type: 'InvalidRequest',
      message: expect.stringContaining('evaluation.instanceType') as unknown,
    });
    const encryption = { ...definition.encryption, allowInstanceWithoutVolumeKey: true };
    const allowed = await world.trained({ ...definition, encryption });
    const { warnings } = await runActivity(world.activities.startEvaluation, allowed);
    expect(warnings).toEqual([expect.stringContaining('takes no volume key')]);
  });
});
