import { describe, expect, it } from 'vitest';
import { MOST_OWN_REQUESTS } from '../../contracts/runs.js';
import { EndpointLock } from '../../workflows/model/lock.js';
import { RunQueue } from '../../workflows/model/queue.js';

const NOW = Date.parse('2026-11-21T09:00:00.000Z');

describe('queue of runs', () => {
  it('merges plain wishes into one queued run, which keeps force and the newest nominal date', () => {
    const queue = new RunQueue('m');
    const first = queue.add({ trigger: 'schedule', nominalDate: '2026-11-20' }, NOW, true);
    const second = queue.add({ trigger: 'manual', force: true }, NOW, true);
    const third = queue.add({ trigger: 'schedule', nominalDate: '2026-11-21' }, NOW, true);
    expect(first).toEqual({ run: 'retrain/m/2026-11-21T09:00:00.000Z', state: 'queued', position: 1 });
    expect([second.state, third.state]).toEqual(['merged', 'merged']);
    expect(second.run).toBe(first.run);
    expect(queue.entries).toEqual([
      {
        runTime: '2026-11-21T09:00:00.000Z',
        request: { trigger: 'schedule', nominalDate: '2026-11-21', force: true },
        wishes: 3,
      },
    ]);
  });

  it('queues requests with settings of their own apart, twenty at the most, in order', () => {
    const queue = new RunQueue('m');
    for (let index = 0; index < MOST_OWN_REQUESTS; index += 1) {
      expect(queue.refusal([{ trigger: 'manual', asOf: '2026-01-01' }])).toBeUndefined();
      queue.add({ trigger: 'manual', asOf: '2026-01-01' }, NOW, false);
    }
    expect(queue.refusal([{ trigger: 'manual', noDeploy: true }])).toContain('20 requests');
    expect(queue.refusal([{ trigger: 'manual', resume: 'retrain/m/1' }])).toContain('cancel one or wait');
    expect(queue.refusal([{ trigger: 'schedule' }])).toBeUndefined();
    expect(new Set(queue.entries.map((entry) => entry.runTime)).size).toBe(MOST_OWN_REQUESTS);
  });

  it('takes several requests with settings of their own all or not at all', () => {
    const queue = new RunQueue('m');
    queue.add({ trigger: 'manual', asOf: '2026-01-01' }, NOW, true);
    const days = Array.from({ length: MOST_OWN_REQUESTS }, () => ({ trigger: 'manual', asOf: '2026-01-02' }) as const);
    expect(queue.refusal(days)).toContain(
      '20 requests are more than fit: 20 with their own settings may wait for m, 1 do',
    );
    expect(queue.refusal(days.slice(1))).toBeUndefined();
  });

  it('never repeats a time, also after it was carried over or the clock went back', () => {
    const queue = new RunQueue('m', [], '2026-11-21T09:00:05.000Z');
    expect(queue.add({ trigger: 'manual' }, NOW, false).run).toBe('retrain/m/2026-11-21T09:00:05.001Z');
  });

  it('does not turn a wish for today back to the older date of a schedule', () => {
    const queue = new RunQueue('m');
    queue.add({ trigger: 'schedule', nominalDate: '2026-11-18' }, NOW, true);
    queue.add({ trigger: 'manual' }, NOW, true);
    expect(queue.next()?.request.nominalDate).toBe('2026-11-21');
    queue.add({ trigger: 'manual' }, NOW, true);
    queue.add({ trigger: 'manual' }, NOW, true);
    expect(queue.next()?.request.nominalDate).toBeUndefined();
  });

  it('drops a queued run by its id, once', () => {
    const queue = new RunQueue('m');
    const { run } = queue.add({ trigger: 'manual' }, NOW, true);
    expect([queue.drop(run), queue.drop(run)]).toEqual([true, false]);
    expect(queue.next()).toBeUndefined();
  });
});

describe('lock of the endpoint', () => {
  it('goes to one at a time, to work by hand first, and to nobody twice', () => {
    const lock = new EndpointLock();
    lock.want('run-1');
    expect(lock.grant()).toBe('run-1');
    lock.want('run-2');
    lock.want('deletion', true);
    lock.want('run-1');
    expect(lock.grant()).toBeUndefined();
    lock.release('run-1');
    expect(lock.grant()).toBe('deletion');
    lock.release('run-2');
    lock.release('deletion');
    expect(lock.grant()).toBeUndefined();
    expect(lock.busy).toBe(false);
  });
});
