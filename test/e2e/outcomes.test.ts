import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeTrainingJobCommand, ListTrainingJobsCommand } from '@aws-sdk/client-sagemaker';
import { InvokeEndpointCommand } from '@aws-sdk/client-sagemaker-runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../contracts/runs.js';
import { features } from '../../examples/demo/score.js';
import { until } from '../support/local.js';
import { TestRegistry } from '../support/registry.js';
import { Setting, shell, weather } from './setting.js';
import { replaced } from './survival-runs.js';

/** PendingActivityState of Temporal's API: waits for its next try. */
const PENDING_SCHEDULED = 1;

let setting: Setting;
beforeAll(async () => {
  setting = await Setting.start();
}, 120_000);
afterAll(() => setting.stop(), 60_000);

const jobStatus = async (name: string) => {
  const answer = await setting.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  return answer.TrainingJobStatus;
};
const jobsOf = async (model: string) =>
  (await setting.sagemaker.send(new ListTrainingJobsCommand({ NameContains: `${model}-` }))).TrainingJobSummaries ?? [];
const training = async (model: string) =>
  until(`a training job of ${model}`, async () =>
    (await jobsOf(model)).some(({ TrainingJobStatus }) => TrainingJobStatus === 'InProgress'),
  );
/** Keeps the model's next training job in progress until `setting.endDelays(model)`. */
const holdTraining = (model: string) =>
  setting.rule({ id: model, kind: 'training-job', match: `^${model}-`, action: 'slow', delayMs: 600_000, times: 1 });

describe('one model from nothing, by the command line', () => {
  const row = features(weather[40] ?? { date: '', csv: '' });
  let first: { result: RunResult };

  it('trains, deploys and answers', async () => {
    await setting.upload('fresh', 0, 30);
    await shell(['apply', await setting.file('fresh')], setting.env);
    first = (await shell(['run', 'fresh', '--follow'], setting.env)) as { result: RunResult };
    expect(first).toMatchObject({ outcome: 'Deployed', result: { files: 30, endpoint: 'fresh' } });
    const { answer } = (await shell(['invoke', 'fresh', '--csv', row], setting.env)) as { answer: string };
    expect(JSON.parse(answer)).toEqual({ predictions: [{ score: expect.any(Number) as number }] });
  });

  it('serves the very model that the run trained', async () => {
    const request = { EndpointName: 'fresh', ContentType: 'text/csv', Body: row };
    const { CustomAttributes } = await setting.runtime.send(new InvokeEndpointCommand(request));
    expect(CustomAttributes).toBe(`model=${first.result.trainingJob}`);
  });

  it('finds nothing to do where nothing is new', async () => {
    const before = (await setting.slack('fresh')).length;
    expect(await setting.run('fresh')).toMatchObject({ outcome: 'NoNewData' });
    expect(await setting.slack('fresh')).toHaveLength(before);
    expect(await jobsOf('fresh')).toHaveLength(1);
  });

  it('trains again for a file that came late, and says why', async () => {
    await setting.upload('fresh', 40, 41);
    await setting.run('fresh');
    // Older than the newest day deployed: a watermark alone would never see it.
    await setting.upload('fresh', 35, 36);
    const run = await setting.run('fresh');
    expect(run).toMatchObject({ outcome: 'Deployed', result: { files: 32 } });
    const { value } = await setting.cli('show', run.run);
    expect((value as { notes: string[] }).notes.join('\n')).toMatch(/1 new file/);
  });

  it('is in the ledger', async () => {
    const { value } = await setting.cli('runs', '--model', 'fresh');
    const outcomes = (value as { state: string }[]).map(({ state }) => state);
    expect(outcomes).toEqual(['Deployed', 'Deployed', 'NoNewData', 'Deployed']);
  });
});

describe('the artefacts of a run', () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await new TestRegistry().start();
  });
  afterAll(() => registry.stop());

  it('are found from one place: image digest, data files, hyperparameters, model, metrics', async () => {
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const imageDigest = registry.put('linear-learner', '1', type, { schemaVersion: 2 });
    const image = `${registry.host}/linear-learner:1`;
    await setting.model('artefacts', { training: { image, hyperparameters: { predictor_type: 'regressor' } } });
    const { run, result } = await setting.run('artefacts', '--no-deploy', '--set', 'training.hyperparameters.wd=0.5');
    expect(result).toMatchObject({ outcome: 'Trained' });
    const { value } = await setting.cli('show', run);
    expect(value).toMatchObject({
      image,
      imageDigest,
      files: 30,
      fileRecordUri: expect.stringMatching(/^s3:/) as string,
      dataHash: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      training: { hyperparameters: { predictor_type: 'regressor', wd: '0.5' } },
      artifactUri: expect.stringMatching(/^s3:.*\/model\.tar\.gz$/) as string,
    });
    expect((value as { metrics: object[] }).metrics).not.toHaveLength(0);
  });

  it('say why the digest is not known, as of an image that ECR does not have here', async () => {
    const { value: runs } = await setting.cli('runs', '--model', 'fresh');
    const first = (runs as { run: string }[]).at(-1)?.run ?? '';
    const { value } = await setting.cli('show', first);
    expect(value).not.toHaveProperty('imageDigest');
    expect(value).toMatchObject({
      imageDigestMissing: expect.stringMatching(/^ECR does not say what 1 is in repository linear-learner/) as string,
    });
  });
});

describe('a run that does not end well', () => {
  it('fails with the training job’s own reason, and tells Slack', async () => {
    await setting.model('broken');
    const reason = 'AlgorithmError: column 3 of line 7 is not a number, exit code: 1';
    await setting.rule({ kind: 'training-job', match: '^broken-', action: 'fail', reason });
    const { outcome, reason: said, run } = await setting.run('broken');
    expect(outcome).toBe('Failed');
    expect(said).toContain(reason);
    const messages = await setting.slack('broken');
    expect(JSON.stringify(messages)).toContain('column 3 of line 7');
    expect(new Set(messages.slice(1).map(({ threadTs }) => threadTs))).toEqual(new Set([messages[0]?.ts]));
    const { value } = await setting.cli('show', run);
    expect(value).toMatchObject({ failureType: 'TrainingFailed' });
  });

  it('stops its training job when it is cancelled', async () => {
    await setting.model('dropped');
    await holdTraining('dropped');
    const { run } = await setting.request('dropped');
    await training('dropped');
    const { value } = await setting.cli('cancel', run);
    expect(value).toMatchObject({ cancelled: true, outcome: 'Cancelled' });
    const [job] = await jobsOf('dropped');
    expect(await jobStatus(job?.TrainingJobName ?? '')).toBe('Stopped');
  });
});

describe('several wishes for one model', () => {
  it('run one after another; equal ones become one run', async () => {
    await setting.model('busy');
    await holdTraining('busy');
    const first = await setting.request('busy');
    await training('busy');
    const [second, third] = [await setting.request('busy', '--force'), await setting.request('busy')];
    expect([first.state, second.state, third.state]).toEqual(['started', 'queued', 'merged']);
    expect(third.run).toBe(second.run);
    await setting.endDelays('busy');
    let states: string[] = [];
    await until(
      'both runs to end',
      async () => {
        await sleep(500);
        const { value } = await setting.cli('runs', '--model', 'busy');
        states = (value as { state: string }[]).map(({ state }) => state);
        return states.length === 2 && !states.some((state) => state === 'queued' || state === 'running');
      },
      90_000,
    );
    expect(states).toEqual(['Deployed', 'Deployed']);
    expect(await jobsOf('busy')).toHaveLength(2);
  }, 120_000);

  it('leaves the endpoint alone if asked to', async () => {
    await setting.model('trial');
    const { outcome, result } = await setting.run('trial', '--no-deploy', '--set', 'training.hyperparameters.wd=0.1');
    expect(outcome).toBe('Trained');
    expect(result?.endpoint).toBeUndefined();
    const { HyperParameters } = await setting.sagemaker.send(
      new DescribeTrainingJobCommand({ TrainingJobName: result?.trainingJob }),
    );
    expect(HyperParameters).toEqual({ predictor_type: 'regressor', wd: '0.1' });
  });

  it('starts by its schedule', async () => {
    await setting.model('timed', { triggers: { schedule: { cron: '0 9 * * *', timeZone: 'Asia/Tokyo' } } });
    await setting.cli('schedule', 'trigger', 'timed');
    await until(
      'the scheduled run to end',
      async () => {
        const { value } = await setting.cli('runs', '--model', 'timed');
        return (value as { state: string }[])[0]?.state === 'Deployed';
      },
      30_000,
    );
    const { value } = await setting.cli('show', 'timed');
    expect(value).toMatchObject({ trigger: 'schedule', state: 'Deployed' });
  });
});

describe('a worker that dies', () => {
  it('goes on with the same training job when it is back', async () => {
    await setting.model('survivor');
    await holdTraining('survivor');
    const { run } = await setting.request('survivor');
    const handle = setting.client.workflow.getHandle<() => Promise<RunResult>>(run);
    // Between two looks at the job: what a look that was cut off costs is the time limit of one, a minute.
    await until('a pause between two looks', async () => {
      const [wait] = (await handle.describe()).raw.pendingActivities ?? [];
      return (
        wait?.activityType?.name === 'awaitTrainingJob' && (wait.attempt ?? 0) > 2 && wait.state === PENDING_SCHEDULED
      );
    });
    await replaced(setting, 'worker', 'SIGKILL');
    await setting.endDelays('survivor');
    const result = await handle.result();
    expect(result).toMatchObject({ outcome: 'Deployed' });
    expect((await jobsOf('survivor')).map(({ TrainingJobName }) => TrainingJobName)).toEqual([result.trainingJob]);
  });
});
