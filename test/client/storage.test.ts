import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WorkflowNotFoundError } from '@temporalio/client';
import { MESSAGES } from '../../contracts/runs.js';
import type { StorageState } from '../../contracts/storage/state.js';
import { RECONCILE_SCHEDULE_ID, STORAGE_ID } from '../../contracts/storage/state.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment, definitionText } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterAll(() => at.close());

const storageText = (more = '') => `storage:
  records: { bucket: my-bucket }
  mirrors:
    - { bucket: my-bucket, prefix: data/, path: /mnt/efs/data, fileSystem: fs-0123456789abcdef0 }
${more}`;
const reconcile = (cron: string) => `  reconcile: { cron: "${cron}", timeZone: Asia/Tokyo }\n`;

const apply = async (files: Record<string, string>, ...flags: string[]) =>
  call(at.env, ['apply', await temporaryFolder(files), ...flags]);

interface Answer {
  readonly storage?: {
    file?: string;
    entity?: string;
    schedule?: string;
    changes?: { key: string }[];
    removed?: boolean;
  };
}

describe('the storage file', () => {
  it('is applied beside models, with its schedule, key by key, and removed by --prune alone', async () => {
    const model = { 'a.yaml': definitionText('beside') };
    const nothing = await call(at.env, ['storage', 'show']);
    expect(nothing.out).toContain('no storage is declared');

    const first = { ...model, 'storage.yaml': storageText(reconcile('30 2 * * *')) };
    const dry = await apply(first, '--dry-run');
    expect(dry.out).toContain('storage: would be created, schedule of reconcile would be created');
    expect((await call(at.env, ['storage', 'show', '--json'])).json()).toEqual({ storage: null });

    const created = await apply(first, '--json');
    expect(created.json<Answer>().storage).toMatchObject({ entity: 'created', schedule: 'created', changes: [] });
    expect((await apply(first)).out).toContain('storage: unchanged\n');
    const { spec, action, policies } = await at.client.schedule.getHandle(RECONCILE_SCHEDULE_ID).describe();
    expect(spec.calendars?.[0]).toMatchObject({ hour: [{ start: 2 }], minute: [{ start: 30 }] });
    expect(spec.timezone).toBe('Asia/Tokyo');
    expect(action).toMatchObject({ workflowType: 'reconcile', args: [{}] });
    expect(policies.overlap).toBe('SKIP');
    // It is no model's schedule: its kind says so.
    await expect
      .poll(async () => (await call(at.env, ['schedule', 'list', '--json'])).json())
      .toMatchObject([{ kind: 'reconcile', model: 'storage/reconcile', cron: '30 2 * * *', timeZone: 'Asia/Tokyo' }]);

    const second = { ...model, 'storage.yaml': `${storageText(reconcile('0 4 * * *'))}  purge: { confirmAbove: 7 }\n` };
    const difference = await apply(second, '--dry-run');
    expect(difference.out).toContain('~ purge.confirmAbove: 100 → 7');
    expect(difference.out).toContain('~ reconcile.cron: 30 2 * * * → 0 4 * * *');
    expect((await apply(second)).out).toContain('storage: updated, schedule of reconcile updated');
    const state = await at.client.workflow.getHandle(STORAGE_ID).query<StorageState>(MESSAGES.status);
    expect(state.storage?.purge).toEqual({ confirmAbove: 7 });
    const shown = await call(at.env, ['storage', 'show', '--json']);
    expect(shown.json()).toEqual({
      storage: state.storage,
      reconcile: { paused: false, next: expect.stringMatching(/T19:00:00/) as string },
    });
    expect((await call(at.env, ['storage', 'show'])).out).toMatch(/s3:\/\/my-bucket\/data\/ +\/mnt\/efs\/data/);

    const without = { ...model, 'storage.yaml': storageText('  purge: { confirmAbove: 7 }\n') };
    expect((await apply(without, '--json')).json<Answer>().storage).toMatchObject({
      entity: 'updated',
      schedule: 'deleted',
    });

    expect((await apply(model)).out).toContain('storage: not in the files, left as it is');
    expect((await call(at.env, ['storage', 'show', '--json'])).json()).not.toEqual({ storage: null });
    expect((await apply(model, '--prune', '--json')).json<Answer>().storage).toEqual({
      notInFiles: true,
      removed: true,
    });
    expect((await call(at.env, ['storage', 'show', '--json'])).json()).toEqual({ storage: null });
    expect((await apply(model, '--prune')).out).not.toContain('storage');
  });

  it('leaves a paused schedule paused, and brings it back where it was deleted by hand', async () => {
    const files = (cron: string) => ({ 'storage.yaml': storageText(reconcile(cron)) });
    await apply(files('0 1 * * *'));
    const handle = at.client.schedule.getHandle(RECONCILE_SCHEDULE_ID);
    await handle.pause('by hand');
    await apply(files('0 2 * * *'));
    expect((await handle.describe()).state).toMatchObject({ paused: true, note: 'by hand' });
    expect((await call(at.env, ['storage', 'show'])).out).toContain('0 2 * * * (Asia/Tokyo); paused: by hand');
    await handle.delete();
    expect((await call(at.env, ['storage', 'show'])).out).toContain('the schedule is gone');
    expect((await apply(files('0 2 * * *'))).out).toContain('storage: unchanged, schedule of reconcile created');
    await apply({ 'a.yaml': definitionText('beside') }, '--prune');
    await expect(at.client.schedule.getHandle(RECONCILE_SCHEDULE_ID).describe()).rejects.toThrow(/not found/i);
  });

  it('is there once, and a fault in it keeps everything from being applied', async () => {
    const { code, err } = await apply({
      'a.yaml': definitionText('never'),
      'one.yaml': storageText(),
      'two.yaml': storageText('  zzz: 1\n'),
    });
    expect(code).toBe(1);
    expect(err).toMatch(/two\.yaml:1:1: storage is declared in .*one\.yaml already/);
    expect(err).toMatch(/two\.yaml:5:3: storage\.zzz is not a known key/);
    expect(err).toContain('nothing was applied');
    await expect(at.client.workflow.getHandle('model/never').describe()).rejects.toThrow(WorkflowNotFoundError);
  });
});
