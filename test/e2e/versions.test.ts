import { DescribeEndpointCommand } from '@aws-sdk/client-sagemaker';
import { InvokeEndpointCommand } from '@aws-sdk/client-sagemaker-runtime';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../contracts/runs.js';
import type { Versions } from '../../contracts/versions.js';
import { awsSettings } from '../../examples/demo/account.js';
import { perennialOk } from '../../examples/demo/perennial.js';
import { features } from '../../examples/demo/score.js';
import { until } from '../support/local.js';
import { Setting, weather, type FollowedRun } from './setting.js';
import { replaced } from './survival-runs.js';

let setting: Setting;
let ssm: SSMClient;
beforeAll(async () => {
  setting = await Setting.start();
  ssm = new SSMClient(awsSettings(setting.env));
}, 240_000);
afterAll(async () => {
  ssm.destroy();
  await setting.stop();
}, 120_000);

const MODEL = 'kept';
const ok = (...args: string[]) => perennialOk(args, { env: setting.env });
const endpoint = () => setting.sagemaker.send(new DescribeEndpointCommand({ EndpointName: MODEL }));
const versions = async () => (await ok('models', MODEL)) as Versions;
const parameter = async () => {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: `/models/${MODEL}/train/latest` }));
  return Parameter?.Value;
};
/** The training job of the model that answers. */
const served = async () => {
  const Body = features(weather[50] ?? { date: '', csv: '' });
  const request = { EndpointName: MODEL, ContentType: 'text/csv', Body };
  return (await setting.runtime.send(new InvokeEndpointCommand(request))).CustomAttributes;
};

describe('two versions of one model', () => {
  let first: FollowedRun & { result: RunResult };
  let second: FollowedRun & { result: RunResult };

  it('are deployed one after the other, and kept', async () => {
    await setting.model(MODEL);
    first = (await setting.run(MODEL)) as typeof first;
    await setting.upload(MODEL, 30, 31);
    second = (await setting.run(MODEL)) as typeof second;
    expect([first.outcome, second.outcome]).toEqual(['Deployed', 'Deployed']);
    const { versions: kept, liveConfig } = await versions();
    expect(liveConfig).toBe(second.result.endpointConfig);
    expect(kept).toMatchObject([
      { run: second.run, live: true, newestDate: weather[30]?.date, files: 31 },
      { run: first.run, live: false, newestDate: weather[29]?.date, files: 30 },
    ]);
    expect(kept.every(({ unusable, metrics }) => unusable === undefined && metrics.length > 0)).toBe(true);
  }, 240_000);

  it('one command goes back to the first, with pointer, parameter, ledger and Slack', async () => {
    const before = (await setting.slack(MODEL)).length;
    const back = (await ok('rollback', MODEL, '--note', 'drifts', '--by', 'ada')) as FollowedRun;
    expect(back).toMatchObject({ outcome: 'Deployed', result: { endpointConfig: first.result.endpointConfig } });
    expect((await endpoint()).EndpointConfigName).toBe(first.result.endpointConfig);
    expect(await served()).toBe(`model=${first.result.trainingJob}`);
    expect(await parameter()).toBe(weather[29]?.date);
    expect((await versions()).versions.find(({ live }) => live)?.run).toBe(first.run);

    const shown = (await ok('show', back.run)) as { change: object; kind: string; endpointConfig: string };
    expect(shown).toMatchObject({
      kind: 'rollback',
      change: { by: 'ada', note: 'drifts', from: { run: second.run }, to: { run: first.run } },
    });
    const listed = (await ok('runs', '--model', MODEL)) as { run: string; state: string }[];
    expect(listed[0]).toMatchObject({ run: back.run, state: 'Deployed' });
    const messages = (await setting.slack(MODEL)).slice(before);
    expect(messages.map(({ text }) => text.split('.')[0])).toEqual([
      `${MODEL}: roll-back started`,
      `${MODEL}: rolled back`,
    ]);
    expect(messages[1]?.threadTs).toBe(messages[0]?.ts);
    expect(JSON.stringify(messages)).toContain('ada: drifts');
  }, 120_000);

  it('what was taken back is not trained again, and the reason says so', async () => {
    const run = await setting.run(MODEL);
    expect(run).toMatchObject({ outcome: 'NoNewData' });
    expect(run.reason).toContain(`nothing new since ${second.run}, whose model was rolled back`);
    const again = await setting.cli('rollback', MODEL);
    expect([again.code, again.said]).toEqual([1, expect.stringContaining('Nothing to go back to')]);
  }, 120_000);

  it('a name leads forward again', async () => {
    const forward = (await ok('rollback', MODEL, '--to', second.run)) as FollowedRun;
    expect(forward).toMatchObject({ outcome: 'Deployed' });
    expect(await served()).toBe(`model=${second.result.trainingJob}`);
    expect(await parameter()).toBe(weather[30]?.date);
    expect((await setting.run(MODEL)).reason).toContain(`nothing new since ${second.run}, the last run`);
  }, 120_000);

  it('a changed instance count is deployed without a training, and is no news to the next run', async () => {
    const same = await setting.cli('deploy', MODEL);
    expect([same.code, same.said]).toEqual([1, expect.stringContaining('Nothing to deploy')]);
    await ok('apply', await setting.file(MODEL, { endpoint: { count: 2 } }));
    const deploy = (await ok('deploy', MODEL)) as FollowedRun;
    expect(deploy).toMatchObject({ outcome: 'Deployed', result: { warnings: [] } });
    const { EndpointConfigName, ProductionVariants } = await endpoint();
    expect(EndpointConfigName).toBe(deploy.result?.endpointConfig);
    expect(ProductionVariants?.[0]?.DesiredInstanceCount).toBe(2);
    expect(await served()).toBe(`model=${second.result.trainingJob}`);
    expect(await setting.run(MODEL)).toMatchObject({ outcome: 'NoNewData' });
    const { versions: kept } = await versions();
    expect(kept[0]).toMatchObject({ madeBy: deploy.run, run: second.run, live: true, count: 2 });
    expect(await ok('orphans')).toMatchObject({ orphans: [] });
  }, 120_000);

  it('a worker that is killed in the midst of it leaves nothing half done', async () => {
    const held = { id: 'held', kind: 'endpoint', match: `^${MODEL}$`, action: 'slow', delayMs: 600_000, times: 1 };
    await setting.rule(held);
    const back = ok('rollback', MODEL, '--to', first.run) as Promise<FollowedRun>;
    await until('the endpoint moves', async () => (await endpoint()).EndpointStatus === 'Updating');
    await replaced(setting, 'worker', 'SIGKILL');
    await setting.endDelays('held');
    expect(await back).toMatchObject({ outcome: 'Deployed' });
    expect(await served()).toBe(`model=${first.result.trainingJob}`);
    expect(await parameter()).toBe(weather[29]?.date);
  }, 180_000);
});
