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

/** A run whose training goes on until it is cancelled; and then the job takes until `stop` to stop. */
async function training(model: string): Promise<{ run: string; stop: () => void }> {
  await applyModel(at, model);
  let stopped = false;
  at.override({
    awaitTrainingJob: async () => Promise.reject(raise('InProgress', 'Training', '200ms')),
    stopTrainingJob: async () =>
      stopped ? { status: 'Stopped' } : Promise.reject(raise('InProgress', 'Stopping: asked to stop', '100ms')),
  });
  const { run } = (await perennial('run', model, '--json')).json<RunReceipt>();
  await expect.poll(async () => (await perennial('show', run)).out, { timeout: 20_000 }).toContain('Training');
  return {
    run,
    stop: () => {
      stopped = true;
    },
  };
}

describe('cancel', () => {
  it('can be asked for twice, and both wait for the same end', async () => {
    const { run, stop } = await training('twice');
    expect((await perennial('cancel', run, '--no-wait')).out).toContain(`asked ${run} to stop`);
    await expect.poll(async () => (await perennial('show', run)).out).toContain('Stopping: asked to stop');
    const again = perennial('cancel', run, '--json');
    stop();
    expect((await again).json()).toMatchObject({ cancelled: true, outcome: 'Cancelled' });
    expect((await perennial('show', run)).out).toContain(`perennial resume ${run}`);
  });

  it('says that nobody is there to stop it', async () => {
    const { run } = await training('alone');
    await at.stopWorker();
    const { code, out, err } = await perennial('cancel', run, '--no-wait');
    expect(code).toBe(0);
    expect(out).toContain(`asked ${run} to stop`);
    expect(err).toContain('no worker answers at the moment');
  }, 30_000);
});
