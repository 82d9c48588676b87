import { ApplicationFailure } from '@temporalio/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OutcomeObject } from '../../contracts/records.js';
import type { RunReceipt } from '../../contracts/runs.js';
import { raise } from '../support/scripted-activities.js';
import type { ClientEnvironment } from './environment.js';
import { applyModel, clientEnvironment } from './environment.js';
import { call } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const applied = (model: string) => applyModel(at, model);
const perennial = (...argv: string[]) => call(at.env, argv);

/** A training job that goes on until `finish` is called. */
function longTraining() {
  let done = false;
  at.override({
    awaitTrainingJob: async ({ trainingJob }) => {
      if (!done) throw raise('InProgress', 'InProgress: Training for 1 s', '200ms');
      return { trainingJob, artifactUri: 's3://bucket/model.tar.gz', metrics: [], billableSeconds: 1 };
    },
  });
  return () => {
    done = true;
  };
}

const untilRunning = (model: string) =>
  expect
    .poll(async () => (await perennial('show', model, '--json')).out, { timeout: 20_000 })
    .toContain('Training for 1 s');

describe('run', () => {
  it('follows a run to its end and shows the stages', async () => {
    const model = await applied('followed');
    const { code, out, err } = await perennial('run', model, '--follow');
    expect(code).toBe(0);
    expect(out).toContain('Deployed: ');
    expect(out).toContain('/workflows/retrain%2Ffollowed%2F');
    for (const stage of ['check data', 'train', 'deploy', 'record']) expect(err).toContain(`▸ ${stage}`);
  });

  it('ends with 1 when the run failed, with its reason', async () => {
    const model = await applied('failing');
    at.override({
      checkData: async () => Promise.reject(raise('AccessDenied', 's3:ListBucket on my-bucket is missing')),
    });
    const { code, json } = await perennial('run', model, '--follow', '--json');
    expect(code).toBe(1);
    expect(json()).toMatchObject({
      outcome: 'Failed',
      reason: 's3:ListBucket on my-bucket is missing',
      state: 'started',
    });
  });

  it('stops following on Ctrl-C and leaves the run alone', async () => {
    const model = await applied('interrupted');
    const finish = longTraining();
    const { code, out, err } = await call(at.env, ['run', model, '--follow'], {
      interruptWhen: (text) => text.includes('Training for 1 s'),
    });
    expect(code).toBe(0);
    expect(err).toContain('awaitTrainingJob: Training for 1 s');
    expect(out).toContain('the run goes on');
    finish();
    await expect.poll(async () => (await perennial('show', model)).out, { timeout: 20_000 }).toContain('Deployed');
  });

  it('hands on what was asked for and refuses what is wrong', async () => {
    const model = await applied('settings');
    const receipt = await perennial(
      'run',
      model,
      '--force',
      '--no-deploy',
      '--as-of',
      '2026-01-31',
      '--set',
      'training.count=2',
      '--json',
    );
    const { run, state } = receipt.json<RunReceipt>();
    expect(state).toBe('started');
    await expect.poll(async () => (await perennial('show', run)).out, { timeout: 20_000 }).toContain('Trained');
    expect((await perennial('show', run, '--json')).json()).toMatchObject({
      trigger: 'manual',
      force: true,
      noDeploy: true,
      set: ['training.count=2'],
      asOf: '2026-01-31',
    });
    const wrong = await perennial('run', model, '--set', 'training.cuont=2', '--json');
    expect(wrong.code).toBe(2);
    expect(wrong.json<{ faults: { closest: string }[] }>().faults[0]?.closest).toBe('count');
    expect((await perennial('run', model, '--as-of', '2026-02-30')).err).toContain('is not a date');
    expect((await perennial('run', 'setings')).err).toContain('Did you mean settings?');
  });

  it('says with reasons what a run would do', async () => {
    const model = await applied('previewed');
    at.override({
      previewRun: async ({ asOf, force }) => ({
        wouldTrain: true,
        reasons: [force ? 'forced' : '2 new files'],
        asOf,
        files: 12,
        bytes: 2048,
        oldestDate: '2026-01-01',
        newestDate: '2026-01-12',
        added: 2,
        changed: 0,
        removed: 0,
        image: 'image:1',
        instanceTypes: ['ml.m5.large'],
        endpointAction: 'update',
        endpoint: 'previewed',
        warnings: [],
      }),
    });
    const { code, out } = await perennial('run', model, '--dry-run');
    expect(code).toBe(0);
    expect(out).toContain('previewed: would train');
    expect(out).toContain('2 new files');
    expect(out).toMatch(/files +12 files, 2\.0 KiB, 2026-01-01 to 2026-01-12/);
    expect((await perennial('runs', '--model', model)).out).toBe('no runs\n');
  });
});

describe('runs, show and cancel', () => {
  it('lists the running, the queued and the ended', async () => {
    const model = await applied('listed');
    expect((await perennial('run', model, '--follow')).code).toBe(0);
    const finish = longTraining();
    const running = (await perennial('run', model, '--json')).json<RunReceipt>();
    const queued = (await perennial('run', model, '--json')).json<RunReceipt>();
    expect(queued).toMatchObject({ state: 'queued', position: 1 });
    expect((await perennial('run', model)).out).toContain('it serves this request too');
    await untilRunning(running.run);

    const list = await perennial('runs', '--model', model, '--json');
    expect(list.json<{ state: string }[]>().map(({ state }) => state)).toEqual(['queued', 'running', 'Deployed']);
    const table = (await perennial('runs', '--model', model)).out;
    expect(table).toMatch(/running, await .*Training for 1 s/);
    expect(table).toContain('serves 2 requests');
    expect((await perennial('show', queued.run)).out).toContain('queued, 1 before it');

    expect((await perennial('cancel', queued.run)).out).toContain('taken out of the queue');
    const cancelled = await perennial('cancel', running.run, '--json');
    expect(cancelled.json()).toMatchObject({
      cancelled: true,
      was: 'running',
      outcome: 'Cancelled',
      reason: expect.stringContaining('cancelled on request') as string,
    });
    expect(await perennial('cancel', running.run)).toMatchObject({
      code: 1,
      err: expect.stringContaining('has ended already: Cancelled') as string,
    });
    finish();
  });

  it('ends a follow with 4 when the run is cancelled', async () => {
    const model = await applied('stopped');
    longTraining();
    const following = perennial('run', model, '--follow');
    await untilRunning(model);
    expect((await perennial('cancel', model)).out).toContain('Cancelled');
    expect((await following).code).toBe(4);
  });

  it('finds a run by a part of its id or its training job, and says when that is not enough', async () => {
    const model = await applied('found');
    const { run } = (await perennial('run', model, '--json')).json<RunReceipt>();
    await expect.poll(async () => (await perennial('show', run)).out, { timeout: 20_000 }).toContain('Deployed');
    const job = (await perennial('show', run, '--json')).json<OutcomeObject>().trainingJob ?? '';
    for (const word of [run.slice(-9), job, model])
      expect((await perennial('show', word, '--json')).json<OutcomeObject>().run).toBe(run);
    const { run: second } = (await perennial('run', model, '--json')).json<RunReceipt>();
    await expect.poll(async () => (await perennial('show', second)).out, { timeout: 20_000 }).toContain('Deployed');
    expect((await perennial('show', 'retrain/found/2')).err).toContain('may be any of 2 runs');
    expect((await perennial('show', 'nothing-like-it')).code).toBe(2);
  });

  it('shows the record of the ledger where Temporal has forgotten the run', async () => {
    const run = 'retrain/old/2020-01-01T00:00:00.000Z';
    const outcome: OutcomeObject = {
      version: 1,
      run,
      temporalRunId: 'gone',
      model: 'old',
      outcome: 'Deployed',
      reason: '3 new files',
      trigger: 'schedule',
      startedAt: '2020-01-01T00:00:00.000Z',
      endedAt: '2020-01-01T00:10:00.000Z',
      stages: { train: 500 },
      dataHash: 'abc',
      metrics: [{ name: 'rmse', value: 2.5 }],
      warnings: ['Slack was away'],
    };
    at.override({ showRun: async () => ({ run: outcome }) });
    const { out } = await perennial('show', run);
    for (const part of ['Deployed', '3 new files', 'abc', 'rmse 2.5', 'Slack was away', '10m 00s', '8m 20s'])
      expect(out).toContain(part);
  });

  it.each([
    [{ imageDigest: `sha256:${'ab'.repeat(32)}` }, `sha256:${'ab'.repeat(32)}`],
    [{ imageDigestMissing: 'ghcr.io did not answer within 4 s' }, 'not known: ghcr.io did not answer within 4 s'],
  ])('shows image, data files, hyperparameters, model and metrics from one place (%o)', async (identity, words) => {
    const model = await applied(`artefacts-${Object.keys(identity)[0]?.toLowerCase()}`);
    let done = false;
    at.override({
      startTraining: async () => ({
        ...{ trainingJob: 'job', image: 'ghcr.io/acme/churn:1', instanceType: 'ml.m5.large', attached: false },
        ...{ warnings: [], ...identity },
      }),
      awaitTrainingJob: async ({ trainingJob }) => {
        if (!done) throw raise('InProgress', 'InProgress: Training for 1 s', '200ms');
        const metrics = [{ name: 'train:mse', value: 1.5 }];
        return { trainingJob, artifactUri: 's3://bucket/model.tar.gz', metrics, billableSeconds: 1 };
      },
    });
    const set = ['--set', 'training.hyperparameters.wd=0.25', '--set', 'training.hyperparameters.l1=0'];
    const { run } = (await perennial('run', model, ...set, '--json')).json<RunReceipt>();
    const known = [
      /image +ghcr\.io\/acme\/churn:1$/m,
      new RegExp(`image digest +${words}$`, 'm'),
      /files +3 files$/m,
      /data hash +d{64}$/m,
      /file record +s3:\/\/bucket\/files\.json$/m,
      /hyperparameters +(.*, )?l1=0, (.*, )?wd=0\.25$/m,
    ];
    // While it trains already: a run may take days.
    const shown = async () => (await perennial('show', run)).out;
    await expect.poll(shown, { timeout: 20_000 }).toContain('image digest');
    for (const part of known) expect(await shown()).toMatch(part);
    done = true;
    await expect.poll(shown, { timeout: 20_000 }).toContain('Deployed');
    for (const part of [...known, /artefact +s3:\/\/bucket\/model\.tar\.gz$/m, /metrics +train:mse 1\.5$/m])
      expect(await shown()).toMatch(part);
    expect((await perennial('show', run, '--json')).json()).toMatchObject({
      image: 'ghcr.io/acme/churn:1',
      ...identity,
      ...{ files: 3, dataHash: 'd'.repeat(64), fileRecordUri: 's3://bucket/files.json' },
      training: { hyperparameters: { wd: '0.25', l1: '0' } },
      artifactUri: expect.stringMatching(/model\.tar\.gz$/),
      metrics: [{ name: 'train:mse', value: 1.5 }],
    });
  });

  it('does not take a misspelt model for one without runs', async () => {
    await applied('spelled');
    const { code, err } = await perennial('runs', '--model', 'speled');
    expect(code).toBe(2);
    expect(err).toContain('no model "speled" is applied.');
  });

  it('shows what Temporal knows when the ledger is away', async () => {
    const model = await applied('unindexed');
    await perennial('run', model, '--follow');
    const away = async () =>
      Promise.reject(ApplicationFailure.nonRetryable('PostgreSQL does not answer', 'LedgerUnavailable'));
    at.override({ listRuns: away, showRun: away });
    const { code, out, err } = await perennial('show', model);
    expect(code).toBe(0);
    expect(out).toContain('Deployed');
    expect(err).toContain('PostgreSQL does not answer');
    expect((await perennial('runs', '--model', model)).out).toContain('Deployed');
  });
});
