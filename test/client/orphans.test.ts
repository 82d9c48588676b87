import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Orphan } from '../../contracts/orphans.js';
import { clientEnvironment, type ClientEnvironment } from './environment.js';
import { call } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const perennial = (...argv: string[]) => call(at.env, argv);

const run = 'retrain/weather/2026-01-01T00:00:00.000Z';
const orphan = (kind: Orphan['kind'], state: Orphan['state'], reason: string): Orphan => ({
  kind,
  name: `${state}-${kind.replace(' ', '-')}`,
  model: 'weather',
  run,
  state,
  reason,
});
const ALL = [
  { ...orphan('training job', 'left', 'its run was TERMINATED'), status: 'InProgress' },
  orphan('model', 'left', 'its run ended as Failed'),
  orphan('endpoint', 'unproven', 'it serves what was never verified'),
  orphan('training job', 'foreign', 'no model weather is known'),
];

describe('orphans', () => {
  it('says so where nothing is left', async () => {
    expect(await perennial('orphans')).toMatchObject({ code: 0, out: 'nothing left\n' });
    expect((await perennial('orphans', '--stop', '--json')).json()).toEqual({ orphans: [], more: 0, stopped: [] });
  });

  it('lists what is left, apart from what a person has to decide on, and touches nothing', async () => {
    let stopped = 0;
    at.override({
      findOrphans: async () => ({ orphans: ALL, more: 3 }),
      stopOrphans: async () => {
        stopped += 1;
        return { stopped: [] };
      },
    });
    const { code, out } = await perennial('orphans');
    expect(code).toBe(0);
    expect(out).toMatch(/training job +left-training-job +InProgress +retrain\/weather\/.* +its run was TERMINATED/);
    const order = [
      'left-model',
      '--stop` stops',
      'no run has verified',
      'unproven-endpoint',
      'not known here',
      'foreign-training-job',
      '3 more',
    ];
    const places = order.map((words) => out.indexOf(words));
    expect(
      places.every((place) => place >= 0),
      out,
    ).toBe(true);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(stopped).toBe(0);
  });

  it('stops what is left and nothing else, and says what it did', async () => {
    let asked: readonly Orphan[] = [];
    at.override({
      findOrphans: async () => ({ orphans: ALL, more: 0 }),
      stopOrphans: async ({ orphans }) => {
        asked = orphans;
        return {
          stopped: [
            { kind: 'training job', name: 'left-training-job', done: 'stopping' },
            { kind: 'model', name: 'left-model', done: 'refused', reason: 'sagemaker:DeleteModel is missing' },
          ],
        };
      },
    });
    const { code, out } = await perennial('orphans', '--stop');
    expect(code).toBe(0);
    expect(asked.map(({ name }) => name)).toEqual(['left-training-job', 'left-model']);
    expect(out).toContain(
      'training job left-training-job: stopping\nmodel left-model: refused: sagemaker:DeleteModel is missing',
    );
  });
});
