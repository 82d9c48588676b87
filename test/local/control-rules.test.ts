import { CreateTrainingJobCommand } from '@aws-sdk/client-sagemaker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError, type Store } from '../../local/sagemaker/context.js';
import { createRuleBook } from '../../local/sagemaker/control.js';
import { startFixture, trainingRequest, type Fixture } from './fixtures/sagemaker.js';

/** The part of the store that a rule book uses; `full` refuses writes, as a full disk does. */
function memory() {
  const kept: { value?: object; full: boolean } = { full: false };
  const store: Pick<Store, 'get' | 'put'> = {
    get: <T>() => kept.value as T | undefined,
    put(_kind, _name, record) {
      if (kept.full) throw new Error('ENOSPC: no space left on device');
      kept.value = structuredClone(record);
    },
  };
  return { kept, store };
}

describe('the rule book', () => {
  it('applies the first fault that matches, as often as told', () => {
    const rules = createRuleBook(memory().store);
    rules.add({ kind: 'endpoint', match: '^a', action: 'fail', times: 2 });
    rules.add({ id: 'slow', kind: 'endpoint', action: 'slow', delayMs: 5 });
    const taken = () => rules.take('endpoint', 'abc').fault?.action;
    expect(rules.peek('endpoint', 'abc').fault?.action).toBe('fail');
    expect([taken(), taken(), taken()]).toEqual(['fail', 'fail', 'slow']);
    expect(rules.take('training-job', 'abc')).toEqual({ canned: false });
    expect(rules.remove('slow')).toBe(1);
    expect(rules.remove('slow')).toBe(0);
    expect(rules.list()).toEqual([]);
  });

  it('lets a fault befall a resource that a complete rule matches, whichever came first', () => {
    const rules = createRuleBook(memory().store);
    rules.add({ kind: 'training-job', action: 'complete' });
    rules.add({ kind: 'training-job', match: 'x', action: 'slow', delayMs: 1, times: 1 });
    expect(rules.take('training-job', 'x')).toMatchObject({ canned: true, fault: { action: 'slow' } });
    expect(rules.take('training-job', 'x')).toEqual({ canned: true });
  });

  it('tells creations from updates', () => {
    const rules = createRuleBook(memory().store);
    rules.add({ kind: 'endpoint', action: 'fail', stage: 'Creating', times: 1 });
    rules.add({ kind: 'endpoint', action: 'silent-rollback', times: 1 });
    expect(rules.take('endpoint', 'e', 'Updating').fault?.action).toBe('silent-rollback');
    expect(rules.take('endpoint', 'e', 'Updating').fault).toBeUndefined();
    expect(rules.take('endpoint', 'e', 'Creating').fault?.action).toBe('fail');
  });

  it('ends the delays of the rule that is named, also once it is counted out or kept by a restart', () => {
    const { store } = memory();
    const rules = createRuleBook(store);
    rules.add({ id: 'once', kind: 'endpoint', action: 'slow', delayMs: 5, times: 1 });
    rules.add({ id: 'other', kind: 'endpoint', action: 'slow', delayMs: 5 });
    rules.take('endpoint', 'e');
    rules.endDelays('once');
    expect([rules.delaysOf('once').aborted, rules.delaysOf('other').aborted]).toEqual([true, false]);
    expect(() => rules.endDelays('nobody')).toThrow('no control rule has the id "nobody"');
    const again = createRuleBook(store);
    again.endDelays('other');
    expect(again.delaysOf('other').aborted).toBe(true);
    again.add({ id: 'other', kind: 'endpoint', action: 'slow', delayMs: 5 });
    expect(again.delaysOf('other').aborted).toBe(false);
  });

  it('outlives a restart with its counts, and counts nothing that can not be stored', () => {
    const { kept, store } = memory();
    const rules = createRuleBook(store);
    rules.add({ id: 'twice', kind: 'endpoint', action: 'fail', times: 2 });
    rules.take('endpoint', 'e');
    kept.full = true;
    expect(() => rules.take('endpoint', 'e')).toThrow('ENOSPC');
    expect(() => rules.add({ kind: 'model', action: 'quota' })).toThrow('ENOSPC');
    expect(createRuleBook(store).list()).toMatchObject([{ id: 'twice', times: 1 }]);
    expect(rules.list()).toMatchObject([{ id: 'twice', times: 1 }]);
  });
});

describe('a bad rule', () => {
  it('is refused with one message that has all of its faults', () => {
    const rule = { kind: 'endpoint', action: 'slow', match: '(', times: 0, stage: 'Training', colour: 'red' };
    const rules = createRuleBook(memory().store);
    expect(() => rules.add(rule)).toThrow(ApiError);
    for (const fault of [
      /match: is not a regular expression/,
      /times: Too small/,
      /colour/,
      /delayMs: `slow` needs it/,
      /stage: must be one of Creating, Updating/,
    ]) {
      expect(() => rules.add(rule)).toThrow(fault);
    }
  });

  it.each<[object | string | null, RegExp]>([
    [{ kind: 'endpoint', action: 'explode' }, /action: Invalid option/],
    [{ action: 'fail' }, /kind: Invalid option/],
    [{ kind: 'model', action: 'fail' }, /action: `fail` is for training-job, transform-job, endpoint$/],
    [{ kind: 'training-job', action: 'silent-rollback' }, /is for endpoint$/],
    [{ kind: 'training-job', action: 'quota', stage: 'Starting' }, /stage: must be left out for `quota`/],
    [{ kind: 'training-job', action: 'complete', delayMs: 1 }, /delayMs: not with `complete`/],
    [{ kind: 'endpoint', action: 'status' }, /status: `status` needs it/],
    [{ kind: 'endpoint', action: 'status', status: 'not one' }, /status: must match/],
    ['nonsense', /the rule: Invalid input: expected object/],
    [null, /the rule: Invalid input: expected object/],
  ])('%j says why', (rule, reason) => {
    expect(() => createRuleBook(memory().store).add(rule)).toThrow(reason);
  });
});

describe('the surface', () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture[Symbol.asyncDispose]());
  const rules = (path = '', init: RequestInit = {}) => fetch(`${fixture.server.url}/_local/rules${path}`, init);

  it('adds, replaces, lists and removes rules, which a restart keeps', async () => {
    await fixture.rule({ id: 'one', kind: 'endpoint', action: 'fail', times: 3 });
    await fixture.rule({ id: 'one', kind: 'endpoint', action: 'fail', times: 2 });
    await fixture.rule({ id: 'a/b', kind: 'model', action: 'quota' });
    await fixture.restart();
    const expected = { rules: [{ id: 'one', match: '', kind: 'endpoint', action: 'fail', times: 2 }, { id: 'a/b' }] };
    expect(await (await rules()).json()).toMatchObject(expected);
    expect(await (await rules('/a%2Fb', { method: 'DELETE' })).json()).toEqual({ removed: 1 });
    expect(await (await rules('/nobody', { method: 'DELETE' })).json()).toEqual({ removed: 0 });
    expect(await (await rules('', { method: 'DELETE' })).json()).toEqual({ removed: 1 });
    expect(await (await rules()).json()).toEqual({ rules: [] });
  });

  it('ends the delay of what waits, and tells of a rule that is not there', async () => {
    await fixture.rule({ id: 'held', kind: 'training-job', action: 'slow', delayMs: 600_000 });
    await fixture.client.send(new CreateTrainingJobCommand(trainingRequest(fixture, 'held')));
    await fixture.job('held', ({ SecondaryStatus }) => SecondaryStatus === 'Training');
    expect((await rules('/held/end', { method: 'POST' })).status).toBe(200);
    expect(await fixture.job('held')).toMatchObject({ TrainingJobStatus: 'Completed' });
    expect((await rules('/nobody/end', { method: 'POST' })).status).toBe(404);
    await rules('', { method: 'DELETE' });
  });

  it('answers a bad rule with 400 and keeps nothing of it', async () => {
    const answer = await rules('', { method: 'POST', body: '{"kind":"endpoint","action":"slow"}' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({
      __type: 'ValidationException',
      message: 'bad control rule: delayMs: `slow` needs it',
    });
    expect(await (await rules()).json()).toEqual({ rules: [] });
  });
});
