import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunReceipt } from '../../contracts/runs.js';
import { raise } from '../support/scripted-activities.js';
import { applyModel, clientEnvironment, type ClientEnvironment } from './environment.js';
import { call } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const perennial = (...argv: string[]) => call(at.env, argv);

/** A run of this model that failed while it deployed. */
async function failed(model: string, ...flags: string[]): Promise<string> {
  await applyModel(at, model);
  at.override({ awaitTrainingJob: async () => Promise.reject(raise('TrainingFailed', 'AlgorithmError')) });
  const { run } = (await perennial('run', model, '--follow', '--json', ...flags)).json<RunReceipt>();
  at.override({});
  return run;
}

describe('resume', () => {
  it('says from where, follows the new run, and both name each other', async () => {
    const run = await failed('again');
    expect((await perennial('show', 'again')).out).toContain(`\`perennial resume ${run}\` goes on with the same files`);
    const { code, out, err } = await perennial('resume', 'again', '--follow');
    expect(code).toBe(0);
    expect(out).toContain('Deployed: ');
    expect(err).toContain(`from deploy: goes on from ${run}, whose training job job-1 completed`);
    expect((await perennial('show', 'again')).out).toMatch(new RegExp(`resumes +${run}`));
  });

  it('hands on what the first run was asked for', async () => {
    const set = 'training.hyperparameters.wd=0.1';
    const run = await failed('settings', '--force', '--no-deploy', '--as-of', '2026-01-02', '--set', set);
    const asked: unknown[] = [];
    at.override({
      planResume: async (input) => {
        asked.push([input.noDeploy, input.definition.training.hyperparameters]);
        return { from: 'train', reason: 'no job of use' };
      },
    });
    const receipt = (await perennial('resume', run, '--json')).json<RunReceipt>();
    expect(receipt).toMatchObject({ state: 'started', resumes: run, from: 'train' });
    expect(asked).toEqual([[true, { wd: 0.1 }]]);
    const view = async () => (await perennial('show', receipt.run, '--json')).json<{ state: string }>();
    await expect.poll(async () => (await view()).state, { timeout: 20_000 }).toBe('Trained');
    expect(await view()).toMatchObject({ resumes: run, force: true, noDeploy: true, asOf: '2026-01-02', set: [set] });
  });

  it('starts nothing where the worker refuses', async () => {
    const run = await failed('refused');
    const why = `${run} was deployed, so there is nothing to resume`;
    at.override({ planResume: async () => Promise.reject(raise('InvalidRequest', why)) });
    expect(await perennial('resume', run)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(why) as string,
    });
    expect((await perennial('runs', '--model', 'refused', '--json')).json()).toHaveLength(1);
  });

  it('refuses what runs or waits, and what nobody knows', async () => {
    await applyModel(at, 'busy');
    at.override({ awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'Training', '200ms')) });
    const running = (await perennial('run', 'busy', '--json')).json<RunReceipt>().run;
    const queued = (await perennial('run', 'busy', '--no-deploy', '--json')).json<RunReceipt>().run;
    expect(await perennial('resume', running)).toMatchObject({ code: 1 });
    expect((await perennial('resume', running)).err).toContain('is still running');
    expect((await perennial('resume', queued)).err).toContain('waits in the queue still');
    expect((await perennial('resume', 'nobody')).code).toBe(2);
    await perennial('cancel', queued);
    await perennial('cancel', running);
  });
});
