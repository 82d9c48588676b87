import { DescribeTransformJobCommand } from '@aws-sdk/client-sagemaker';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deploymentName, parseRunId, parseS3Uri } from '../../contracts/names.js';
import type { TransformResult } from '../../contracts/transforms.js';
import { features } from '../../examples/demo/score.js';
import { until } from '../support/local.js';
import { Setting, shell, weather } from './setting.js';

const rows = weather.slice(40, 60);

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
  await setting.model('batch', {
    transforms: [
      { input: 's3://perennial-e2e/rows/', output: 's3://perennial-e2e/answers/daily/', accept: 'text/csv' },
    ],
  });
}, 180_000);
afterAll(() => setting.stop(), 60_000);

interface Answer {
  readonly transform: string;
  readonly outcome: string;
  readonly reason: string;
  readonly result?: TransformResult;
}

const ask = async (...args: string[]) => (await setting.cli('transform', 'batch', ...args)).value as Answer;

async function textOf(uri: string): Promise<string> {
  const { bucket: Bucket, key: Key } = parseS3Uri(uri);
  const { Body } = await setting.s3.send(new GetObjectCommand({ Bucket, Key }));
  return (await Body?.transformToString()) ?? '';
}

describe('batch transforms, by the command line', () => {
  it('say what to do before anything was deployed', async () => {
    const { code, said } = await setting.cli('transform', 'batch', '--name', 'daily');
    expect([code, said]).toEqual([1, expect.stringContaining('started transform/batch/daily-')]);
    expect(await ask('--name', 'daily')).toMatchObject({
      outcome: 'Failed',
      reason: expect.stringContaining('no run was deployed yet') as string,
    });
    await until('Slack to be told', async () =>
      (await setting.slack('batch')).some(({ text }) => text.startsWith('batch, batch transform daily: failed')),
    );
  });

  it('answer every row as the endpoint does, encrypted, with the model of the deployed run', async () => {
    const Body = `${rows.map(features).join('\n')}\n`;
    await setting.s3.send(new PutObjectCommand({ Bucket: 'perennial-e2e', Key: 'rows/days.csv', Body }));
    const deployed = await setting.run('batch');
    expect(deployed).toMatchObject({ outcome: 'Deployed' });

    const { outcome, result } = await ask('--name', 'daily');
    expect([outcome, result?.objects]).toEqual(['Completed', 1]);
    expect(result).toMatchObject({
      run: deployed.run,
      modelName: deploymentName('batch', parseRunId(deployed.run)?.time ?? ''),
    });
    const answers = (await textOf(`${result?.outputUri}days.csv.out`)).trimEnd().split('\n');
    expect(answers).toHaveLength(rows.length);
    const row = features(rows[7] ?? { date: '', csv: '' });
    const { answer } = (await shell(['invoke', 'batch', '--csv', row], setting.env)) as { answer: string };
    const { predictions } = JSON.parse(answer) as { predictions: [{ score: number }] };
    expect(Number(answers[7])).toBeCloseTo(predictions[0].score, 6);

    const { TransformResources, TransformOutput } = await setting.sagemaker.send(
      new DescribeTransformJobCommand({ TransformJobName: result?.transformJob }),
    );
    expect([TransformResources?.VolumeKmsKeyId, TransformOutput?.KmsKeyId]).toEqual(
      Array.from({ length: 2 }, () => 'alias/perennial-e2e'),
    );
  });

  it('stop their job when they are cancelled', async () => {
    await setting.rule({ kind: 'transform-job', match: '^batch-', action: 'slow', delayMs: 60_000, times: 1 });
    const { transform } = await ask('--name', 'daily', '--detach');
    const handle = setting.client.workflow.getHandle(transform);
    await until('the wait', async () =>
      ((await handle.describe()).raw.pendingActivities ?? []).some(
        ({ activityType }) => activityType?.name === 'awaitTransform',
      ),
    );
    expect((await setting.cli('cancel', transform)).value).toMatchObject({ cancelled: true });
    const { notes } = await handle.query<{ notes: string[] }>('progress');
    expect(notes.at(-1)).toMatch(/^transform job `batch-.*-t1` is Stopped$/);
  });
});
