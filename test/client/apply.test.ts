import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scheduleId } from '../../contracts/names.js';
import { raise } from '../support/scripted-activities.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment, definitionText } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterAll(() => at.close());

const schedule = (cron: string) => `triggers: { schedule: { cron: "${cron}", timeZone: Asia/Tokyo } }\n`;

async function apply(files: Record<string, string>, ...flags: string[]) {
  const folder = await temporaryFolder(files);
  return call(at.env, ['apply', join(folder), ...flags]);
}

interface Answer {
  readonly models: { model: string; entity: string; schedule: string; changes: { key: string }[] }[];
  readonly notInFiles: { model: string; endpoint: string; removed: boolean }[];
}

describe('apply', () => {
  it('applies nothing if one file has a fault', async () => {
    const { code, err } = await apply({
      'a.yaml': definitionText('apply-bad'),
      'b.yaml': definitionText('apply-worse', 'zzz: 1\n'),
    });
    expect(code).toBe(1);
    expect(err).toContain('b.yaml:6:1: zzz is not a known key');
    expect(err).toContain('nothing was applied');
    expect((await call(at.env, ['run', 'apply-bad'])).code).toBe(2);
  });

  it('creates, says unchanged, shows and makes differences, and takes a schedule away', async () => {
    const dry = await apply({ 'a.yaml': definitionText('first', schedule('0 9 * * *')) }, '--dry-run');
    expect(dry.out).toContain('first: would be created, schedule would be created');

    const created = await apply({ 'a.yaml': definitionText('first', schedule('0 9 * * *')) }, '--json');
    expect(created.json<Answer>().models).toMatchObject([{ model: 'first', entity: 'created', schedule: 'created' }]);
    const again = await apply({ 'a.yaml': definitionText('first', schedule('0 9 * * *')) });
    expect(again.out).toBe('first: unchanged\n');

    const wanted = { 'a.yaml': definitionText('first', `${schedule('30 8 * * *')}endpoint: { count: 2 }\n`) };
    const difference = await apply(wanted, '--dry-run');
    expect(difference.out).toContain('~ endpoint.count: 1 → 2');
    expect(difference.out).toContain('~ triggers.schedule.cron: 0 9 * * * → 30 8 * * *');
    expect((await apply(wanted, '--dry-run')).out).toBe(difference.out);

    await at.client.schedule.getHandle(scheduleId('first')).pause('by hand');
    expect((await apply(wanted)).out).toContain('first: updated, schedule updated');
    const { state, spec, policies, action } = await at.client.schedule.getHandle(scheduleId('first')).describe();
    expect(state).toMatchObject({ paused: true, note: 'by hand' });
    expect(spec.calendars?.[0]).toMatchObject({ hour: [{ start: 8 }], minute: [{ start: 30 }] });
    expect(spec.timezone).toBe('Asia/Tokyo');
    expect(spec.calendars).toHaveLength(1);
    expect(policies).toMatchObject({ overlap: 'TERMINATE_OTHER', catchupWindow: 7 * 86_400_000 });
    expect(action.workflowType).toBe('trigger');
    expect((await apply(wanted)).out).toBe('first: unchanged\n');

    const without = await apply({ 'a.yaml': definitionText('first', 'endpoint: { count: 2 }\n') });
    expect(without.out).toContain('first: updated, schedule deleted');
    await expect(at.client.schedule.getHandle(scheduleId('first')).describe()).rejects.toThrow(/not found/i);
  });

  it('lists models that the files do not define, and removes them when asked', async () => {
    await apply({ 'a.yaml': definitionText('stays'), 'b.yaml': definitionText('goes', schedule('0 9 * * *')) });
    await expect
      .poll(async () => (await apply({ 'a.yaml': definitionText('stays') })).out)
      .toContain('goes: not in the files, left as it is');
    const dry = await apply({ 'a.yaml': definitionText('stays') }, '--prune', '--dry-run');
    expect(dry.out).toContain('goes: not in the files, would be removed');

    const pruned = await apply({ 'a.yaml': definitionText('stays') }, '--prune');
    expect(pruned.out).toContain('`perennial endpoint delete goes`');
    expect(pruned.out).toContain('billing');
    await expect.poll(async () => (await call(at.env, ['run', 'goes'])).err).toContain('no model "goes" is applied');
    expect((await apply({ 'a.yaml': definitionText('stays') }, '--prune', '--json')).json<Answer>().notInFiles).toEqual(
      [],
    );
    const back = await apply({ 'a.yaml': definitionText('stays'), 'b.yaml': definitionText('goes') });
    expect(back.out).toContain('goes: created');
  });
});

describe('models that would get in each other’s way', () => {
  it('are refused also when one of them was applied before; a rename with --prune is none, once the old one is idle', async () => {
    const shared = 'endpoint: { name: shared-endpoint }\n';
    await apply({ 'a.yaml': definitionText('before', shared) });
    // Known models are found by visibility, which lags a little.
    await expect
      .poll(async () => (await apply({ 'b.yaml': definitionText('after', shared) }, '--dry-run')).err)
      .toContain('after gives the same endpoint.name (shared-endpoint) as before, which is applied already');
    const refused = await apply({ 'b.yaml': definitionText('after', shared) });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('nothing was applied');
    expect((await call(at.env, ['run', 'after'])).code).toBe(2);

    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    at.override({ checkData: () => held.then(() => Promise.reject(raise('DataInvalid', 'stop here'))) });
    await call(at.env, ['run', 'before']);
    const busy = await apply({ 'b.yaml': definitionText('after', shared) }, '--prune');
    expect(busy.err).toContain('a run of before is under way');
    open();
    await expect
      .poll(async () => (await apply({ 'b.yaml': definitionText('after', shared) }, '--prune')).out, {
        timeout: 20_000,
      })
      .toContain('after: created');
    at.override({});
  });
});
