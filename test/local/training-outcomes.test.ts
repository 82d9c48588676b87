import { DisableKeyCommand, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import { CreateTrainingJobCommand, type CreateTrainingJobCommandInput } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeImage, startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await startFixture({ 'linear-learner': probeImage });
});
afterAll(() => fixture[Symbol.asyncDispose]());

async function run(
  name: string,
  hyperparameters: Record<string, string> = {},
  more: Partial<CreateTrainingJobCommandInput> = {},
) {
  await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name, hyperparameters, more)));
  return fixture.job(name);
}

const volumeKey = (VolumeKmsKeyId: string) => ({
  ResourceConfig: { InstanceType: 'ml.m5.large' as const, InstanceCount: 1, VolumeSizeInGB: 5, VolumeKmsKeyId },
});

describe('FailureReason', () => {
  it('is the first 1,024 characters of the failure file with the exit code', async () => {
    expect(await run('failed', { failure: 'bad rows in train.csv', exitCode: '2' })).toMatchObject({
      TrainingJobStatus: 'Failed',
      SecondaryStatus: 'Failed',
      FailureReason: 'AlgorithmError: bad rows in train.csv, exit code: 2',
    });
    const { FailureReason } = await run('failed-long', { failure: 'x'.repeat(2000), exitCode: '1' });
    expect(FailureReason).toHaveLength(1024);
    expect(FailureReason).toMatch(/x, exit code: 1$/);
  });

  it('says so when the program wrote no failure file', async () => {
    const { FailureReason } = await run('failed-mute', { exitCode: '7' });
    expect(FailureReason).toMatch(/^AlgorithmError: the program wrote no .*, exit code: 7$/);
  });

  it('names an image that is not on this machine', async () => {
    const job = await run(
      'no-image',
      {},
      { AlgorithmSpecification: { TrainingImage: 'unknown:1', TrainingInputMode: 'File' } },
    );
    expect(job.FailureReason).toMatch(/^ClientError: Cannot pull algorithm container\..*SAGEMAKER_LOCAL_IMAGES/);
  });

  it('names an object that a manifest has and S3 does not', async () => {
    await fixture.put('missing.manifest', JSON.stringify([{ prefix: `s3://${fixture.bucket}/gone/` }, 'a.csv']));
    const S3DataSource = { S3DataType: 'ManifestFile' as const, S3Uri: `s3://${fixture.bucket}/missing.manifest` };
    const job = await run(
      'no-object',
      {},
      { InputDataConfig: [{ ChannelName: 'train', DataSource: { S3DataSource } }] },
    );
    expect(job.FailureReason).toBe(
      `ClientError: Data download failed:s3://${fixture.bucket}/gone/a.csv: The specified key does not exist.`,
    );
  });

  it('names the upload when the output bucket is not there', async () => {
    const job = await run('no-bucket', {}, { OutputDataConfig: { S3OutputPath: 's3://no-such-bucket-here/x' } });
    expect(job.FailureReason).toMatch(/^ClientError: Artifact upload failed:/);
  });

  it.each([
    ['missing', /^ClientError: .*volume.*Error Code: NotFoundException/],
    ['disabled', /^ClientError: .*is disabled.*Error Code: DisabledException/],
    ['pending-deletion', /^ClientError: .*is pending deletion.*Error Code: KMSInvalidStateException/],
  ])('is that of KMS for a %s key, and nothing is started', async (state, reason) => {
    const key = state === 'missing' ? '11111111-2222-3333-4444-555555555555' : await fixture.key();
    const { kms } = fixture.server.ctx;
    if (state === 'disabled') await kms.send(new DisableKeyCommand({ KeyId: key }));
    if (state === 'pending-deletion') {
      await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key, PendingWindowInDays: 7 }));
    }
    const job = await run(`key-${state}`, {}, volumeKey(key));
    expect(job.FailureReason).toMatch(reason);
    expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toEqual(['Starting', 'Failed']);
    expect(job.BillableTimeInSeconds).toBeUndefined();
  });
});

describe('metrics', () => {
  it('of built-in algorithms need no definition', async () => {
    const print = [
      '#quality_metric: host=algo-1, epoch=0, train mse_objective <loss>=20.5',
      '#quality_metric: host=algo-1, epoch=1, train mse_objective <loss>=10.25',
      '#quality_metric: host=algo-1, validation mse <loss>=13.7',
    ].join('|');
    const job = await run(
      'built-in',
      { print },
      {
        AlgorithmSpecification: {
          TrainingImage: '382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1',
          TrainingInputMode: 'File',
        },
      },
    );
    expect(job.FinalMetricDataList?.map(({ MetricName, Value }) => [MetricName, Value])).toEqual([
      ['train:mse_objective', 10.25],
      ['validation:mse', 13.7],
    ]);
    // What the Python SDK's training_job_analytics reads, and asks CloudWatch for.
    const defined = new Map(job.AlgorithmSpecification?.MetricDefinitions?.map(({ Name, Regex }) => [Name, Regex]));
    const value = (name: string) => new RegExp(String(defined.get(name))).exec(print.replaceAll('|', '\n'))?.[1];
    expect(value('train:objective_loss')).toBe('20.5');
    expect(value('validation:mse')).toBe('13.7');
    expect([...defined.keys()]).toEqual(
      expect.arrayContaining(['train:progress', 'test:mse', 'validation:binary_f_beta']),
    );
    expect(defined.size).toBe(37);
  });

  it('match expressions written for a log that shows tabs as #011, on stderr too', async () => {
    const job = await run(
      'tabs',
      { complain: '[1]\ttrain-rmse:2.5\tvalidation-rmse:3.5' },
      {
        AlgorithmSpecification: {
          TrainingImage: 'probe',
          TrainingInputMode: 'File',
          MetricDefinitions: [{ Name: 'rmse', Regex: '.*\\[[0-9]+\\].*#011validation-rmse:([-+]?[0-9]*\\.?[0-9]+).*' }],
        },
      },
    );
    expect(job.FinalMetricDataList).toMatchObject([{ MetricName: 'rmse', Value: 3.5 }]);
  });
});

describe('the control surface', () => {
  it('completes a job at once, without program or key', async () => {
    await fixture.rule({ kind: 'training-job', match: '^quick-', action: 'complete' });
    for (let i = 0; i < 20; i++) {
      await fixture.client.send(
        new CreateTrainingJobCommand(trainingRequest(fixture, `quick-${i}`, {}, volumeKey('no-such-key'))),
      );
      // Not waited for: it has completed when Create answers.
      expect((await fixture.job(`quick-${i}`, () => true)).TrainingJobStatus).toBe('Completed');
    }
    expect(await fixture.job('quick-0')).toMatchObject({
      TrainingJobStatus: 'Completed',
      ModelArtifacts: { S3ModelArtifacts: `s3://${fixture.bucket}/models/quick-0/output/model.tar.gz` },
    });
    const artefact = await fixture.object('models/quick-0/output/model.tar.gz');
    expect(artefact.ContentLength).toBeGreaterThan(0);
  });

  it('fails a job as told, as often as told', async () => {
    await fixture.rule({
      kind: 'training-job',
      match: '^unlucky',
      action: 'fail',
      reason: 'CapacityError: none',
      times: 1,
    });
    expect((await run('unlucky-1')).FailureReason).toBe('CapacityError: none');
    expect((await run('unlucky-2')).TrainingJobStatus).toBe('Completed');
  });

  it('slows a job down, and ends a running one by hand', async () => {
    await fixture.rule({ kind: 'training-job', match: '^slowed', action: 'slow', delayMs: 60_000 });
    for (const [name, action] of [
      ['slowed-1', 'complete'],
      ['slowed-2', 'fail'],
    ] as const) {
      await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, name)));
      await fixture.job(name, (job) => job.SecondaryStatus === 'Training');
      const url = `${fixture.server.url}/_local/training-jobs/${name}/${action}`;
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ reason: 'by hand' }) });
      expect(answer.status).toBe(200);
    }
    expect(await fixture.job('slowed-1')).toMatchObject({ TrainingJobStatus: 'Completed' });
    expect(await fixture.job('slowed-2')).toMatchObject({ TrainingJobStatus: 'Failed', FailureReason: 'by hand' });
  });
});
