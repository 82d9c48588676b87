import { DescribeEndpointCommand, ListModelsCommand } from '@aws-sdk/client-sagemaker';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Evaluation } from '../../contracts/evaluation.js';
import { parseS3Uri } from '../../contracts/names.js';
import type { RunProgress } from '../../contracts/runs.js';
import { perennialOk } from '../../examples/demo/perennial.js';
import { until } from '../support/local.js';
import { Setting, type FollowedRun } from './setting.js';

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
}, 240_000);
afterAll(() => setting.stop(), 120_000);

const MODEL = 'judged';
const ok = (...args: string[]) => perennialOk(args, { env: setting.env });
const liveConfig = async () =>
  (await setting.sagemaker.send(new DescribeEndpointCommand({ EndpointName: MODEL }))).EndpointConfigName;
const sagemakerModels = async () =>
  ((await setting.sagemaker.send(new ListModelsCommand({ NameContains: MODEL }))).Models ?? []).map(
    ({ ModelName }) => ModelName,
  );

/** Keys of what batch transforms left under the model's records. */
async function predictions(run: FollowedRun): Promise<string[]> {
  const { bucket } = parseS3Uri(run.result?.fileRecordUri ?? '');
  const { Contents = [] } = await setting.s3.send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: `models/${MODEL}/` }),
  );
  return Contents.map(({ Key = '' }) => Key).filter((key) => key.includes('/predictions/'));
}

const reasonOf = ({ evaluation }: { evaluation?: Evaluation } = {}) => evaluation?.verdict?.reasons.join('; ') ?? '';

describe('a linear-learner that is judged on its last days', () => {
  let first: FollowedRun;

  it('is deployed when nothing is live, and leaves no prediction behind', async () => {
    await setting.model(MODEL, {
      evaluation: { metric: 'rmse', metrics: ['mae'], holdout: 'P5D', gate: { noWorseThanLive: 5 } },
    });
    first = await setting.run(MODEL);
    expect(first).toMatchObject({ outcome: 'Deployed', result: { files: 30, warnings: [] } });
    expect(first.result?.evaluation).toMatchObject({
      rows: 5,
      holdout: { files: 5, from: '2012-01-27', to: '2012-01-31' },
      verdict: { passed: true },
    });
    expect(first.result?.evaluation?.candidate.metrics.rmse).toBeGreaterThan(0);
    expect(reasonOf(first.result)).toContain('no model is live');
    expect(await predictions(first)).toEqual([]);
  }, 240_000);

  it('compares with the live model on the new days, and tells the figures', async () => {
    await setting.upload(MODEL, 30, 33);
    const second = await setting.run(MODEL);
    expect(second).toMatchObject({ outcome: 'Deployed', result: { warnings: [] } });
    expect(second.result?.evaluation?.live).toMatchObject({ modelName: first.result?.modelName, rescored: true });
    const shown = (await ok('show', second.run)) as { evaluation: Evaluation; stages: object };
    expect(shown.evaluation.live?.metrics.rmse).toBe(second.result?.evaluation?.live?.metrics.rmse);
    expect(Object.keys(shown.stages)).toEqual(expect.arrayContaining(['evaluate', 'gate']));
  }, 240_000);

  it('is rejected where it misses the threshold: endpoint as before, candidate gone, data no news', async () => {
    const [config, models] = [await liveConfig(), await sagemakerModels()];
    await setting.upload(MODEL, 33, 34);
    const gate = ['--set', 'evaluation.gate.max=0.0001'];
    const rejected = await setting.run(MODEL, ...gate);
    expect(rejected.outcome).toBe('Rejected');
    expect(rejected.reason).toContain('is above 0.0001');
    expect([await liveConfig(), await sagemakerModels(), await predictions(rejected)]).toEqual([config, models, []]);
    expect((await setting.slack(MODEL)).at(-1)?.text).toContain('is above 0.0001');
    const next = await setting.run(MODEL, ...gate);
    expect(next).toMatchObject({ outcome: 'NoNewData' });
    expect(next.reason).toContain(`nothing new since ${rejected.run}, which was rejected`);
  }, 240_000);

  it('waits for a person where one must agree, and is deployed once approved', async () => {
    const { run } = await setting.request(MODEL, '--set', 'evaluation.approval=required');
    const asked = async () => {
      const { decideBy } = await setting.client.workflow.getHandle(run).query<RunProgress>('progress');
      return decideBy !== undefined;
    };
    await until('the question', async () => asked().catch(() => false), 120_000);
    const question = async () =>
      (await setting.slack(MODEL)).some((message) => JSON.stringify(message).includes(`perennial approve ${run}`));
    await until('the question in Slack', question, 30_000);
    expect(await ok('approve', MODEL, '--note', 'seen', '--by', 'ada')).toMatchObject({ run, decision: 'approved' });
    await setting.client.workflow.getHandle(run).result();
    expect(await ok('show', run)).toMatchObject({
      state: 'Deployed',
      evaluation: { approval: { decision: 'approved', by: 'ada', note: 'seen' } },
    });
    const again = await setting.cli('reject', run);
    expect(again.code).toBe(1);
    expect(again.said).toContain('has ended');
  }, 240_000);
});
