import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hostOf, Interleaver } from '../../client/logs/interleave.js';
import { trainingJobName } from '../../contracts/names.js';
import type { RunReceipt } from '../../contracts/runs.js';
import { raise } from '../support/scripted-activities.js';
import type { InsightSetting } from './insight-setting.js';
import { insightSetting, realActivities } from './insight-setting.js';
import { call } from './terminal.js';

describe('lines of several hosts', () => {
  const page = (stream: string, times: readonly number[], more: boolean) => ({
    ...{ stream, cursor: `${stream}@${times.at(-1)}`, more },
    lines: times.map((at) => ({ at, text: `${stream} ${at}` })),
  });

  it('come by time, those held back that another page may still precede', () => {
    const lines = new Interleaver();
    const first = lines.add([page('a', [1, 4, 9], false), page('b', [2, 3], true)]);
    expect(first.map(({ text }) => text)).toEqual(['a 1', 'b 2', 'b 3']);
    expect(lines.cursors).toEqual({ a: 'a@9', b: 'b@3' });
    const rest = lines.add([page('a', [], false), page('b', [5, 20], false)]);
    expect(rest.map(({ text }) => text)).toEqual(['a 4', 'b 5', 'a 9', 'b 20']);
  });

  it('keep their order within one moment', () => {
    const lines = new Interleaver().add([page('a', [1, 1], false), page('b', [1], false)]);
    expect(lines.map(({ stream }) => stream)).toEqual(['a', 'a', 'b']);
  });

  it('are named by what wrote them', () => {
    expect(hostOf('job-1/algo-2-1763712000')).toBe('algo-2');
    expect(hostOf('job-c1/i-0123456789abcdef0-1763712000/data-log')).toBe('job-c1/i-0123456789abcdef0/data-log');
    expect(hostOf('AllTraffic/i-0123456789abcdef0')).toBe('AllTraffic/i-0123456789abcdef0');
  });
});

/** The data of payloads as text, for JSON.stringify. */
const readable = (key: string, value: unknown) =>
  key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value;

describe('logs', () => {
  let setting: InsightSetting;
  beforeAll(async () => {
    setting = await insightSetting();
  }, 120_000);
  afterEach(() => setting.at.override(realActivities(setting.world)));
  afterAll(() => setting.close());

  const perennial = (...argv: string[]) => call(setting.at.env, argv);

  /** Runs of this model train for real, on so many hosts, as the hyperparameters say. */
  async function training(model: string, hyperparameters: Record<string, string>, count = 1): Promise<string> {
    await setting.apply(model);
    setting.at.override({
      ...realActivities(setting.world),
      startTraining: async ({ ref, attempt }) => {
        const trainingJob = trainingJobName(ref.model, ref.runTime, attempt + 1);
        await setting.world.train(trainingJob, hyperparameters, count);
        return { trainingJob, image: 'probe:1', instanceType: 'ml.m5.large', attached: false, warnings: [] };
      },
      awaitTrainingJob: async ({ trainingJob }) => {
        const { TrainingJobStatus: status } = await setting.world.fixture.job(trainingJob, () => true);
        if (status !== 'Completed') throw raise('InProgress', `InProgress: ${status}`, '200ms');
        return { trainingJob, artifactUri: 's3://b/model.tar.gz', metrics: [], billableSeconds: 1 };
      },
    });
    return (await perennial('run', model, '--json')).json<RunReceipt>().run;
  }

  it(
    'follows a run to its end: lines of all hosts with their names, then the outcome',
    { timeout: 180_000 },
    async () => {
      const run = await training('followed', { print: 'hello|\u001b[31mred', sleepMs: '1500' }, 2);
      const { code, out, err } = await perennial('logs', run, '--follow');
      expect(code).toBe(0);
      const lines = out.trimEnd().split('\n');
      for (const host of ['algo-1', 'algo-2'])
        for (const text of ['hello', '[31mred'])
          expect(lines.filter((line) => line === `${host}  ${text}`)).toHaveLength(1);
      expect(lines.at(-1)).toMatch(/^Deployed: /);
      expect(err).toMatch(/training job followed-\S+-1: Completed/);

      const { out: json } = await perennial('logs', run, '--json');
      const { lines: all, status } = JSON.parse(json) as { lines: { host: string; message: string }[]; status: string };
      expect(status).toBe('Completed');
      expect(all.filter(({ host }) => host === 'algo-2').map(({ message }) => message)).toContain('hello');
      expect(await setting.world.exchanged()).toBe(0);
      // What a program printed must not stand in a history. Visibility takes a moment to know them.
      const asked = async () => {
        const found: string[] = [];
        const query = { query: 'WorkflowType = "readLogs"' };
        for await (const { workflowId } of setting.at.client.workflow.list(query)) found.push(workflowId);
        return found;
      };
      await expect.poll(async () => (await asked()).length, { timeout: 20_000 }).toBeGreaterThan(0);
      for (const workflowId of await asked()) {
        const history = JSON.stringify(await setting.at.client.workflow.getHandle(workflowId).fetchHistory(), readable);
        expect(history).toContain('/aws/sagemaker/TrainingJobs');
        expect(history).not.toContain('hello');
      }
    },
  );

  it('ends on Ctrl-C and leaves the run alone', { timeout: 180_000 }, async () => {
    const run = await training('interrupted', { print: 'begun', sleepMs: '60000' });
    const interrupts = new Set<() => void>();
    let printed = '';
    const { code } = await call(setting.at.env, ['logs', run, '--follow', '--json'], {
      terminal: {
        onInterrupt: (callback) => {
          interrupts.add(callback);
          return () => void interrupts.delete(callback);
        },
        out: (text) => {
          printed += text;
          if (text.includes('begun')) for (const interrupt of interrupts) interrupt();
        },
      },
    });
    expect(code).toBe(0);
    expect(JSON.parse(printed.split('\n')[0] ?? '')).toMatchObject({ host: 'algo-1', message: 'begun' });
    expect((await perennial('show', run, '--json')).json()).toMatchObject({ state: 'running' });
    expect((await perennial('cancel', run, '--no-wait')).code).toBe(0);
  });

  it('says in a sentence why there is no output', async () => {
    await setting.apply('housing');
    const { run } = await setting.world.run('2026-01-31T09:00:00.000Z', {
      trainingJob: undefined,
      outcome: 'NoNewData',
    });
    expect((await perennial('logs', run)).out).toBe(
      `${run} ended as NoNewData without a training job: there is no output\n`,
    );
    expect((await perennial('logs', run, '--endpoint')).out).toContain('deployed to no endpoint');
    const { run: gone } = await setting.world.run('2026-02-01T09:00:00.000Z');
    const { code, out, err } = await perennial('logs', gone);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain(
      'no output yet: CloudWatch Logs has no stream housing-gone-1/… in /aws/sagemaker/TrainingJobs',
    );
    expect((await perennial('logs', gone, '--transform')).err).toContain('/aws/sagemaker/TransformJobs');
    expect((await perennial('logs', gone, '--transform', '--endpoint')).code).toBe(2);
  });
});
