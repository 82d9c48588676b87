import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { retentionScheduleId, type RetentionInput, type RetentionResult } from '../../contracts/retention.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment, definitionText } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const perennial = (...argv: string[]) => call(at.env, argv);
const fileOf = (model: string, retention?: string) => {
  const text = definitionText(model);
  const data = /data: \{ (.*) \}/;
  if (!data.test(text)) throw new Error('the example has no data in flow style');
  const wanted =
    retention === undefined ? text : text.replace(data, `data: { $1, window: P1Y, retention: ${retention} }`);
  return temporaryFolder({ 'a.yaml': wanted });
};
const scheduleOf = (model: string) => at.client.schedule.getHandle(retentionScheduleId(model)).describe();

describe('the schedule of a retention', () => {
  it('is made, changed and removed by apply, and pruned with its model', async () => {
    expect((await perennial('apply', await fileOf('kept', 'P3Y'), '--dry-run')).out).toBe(
      'kept: would be created, schedule of retention would be created\n',
    );
    const made = await perennial('apply', await fileOf('kept', 'P3Y'), '--json');
    expect(made.json()).toMatchObject({ models: [{ entity: 'created', schedule: 'none', retention: 'created' }] });
    expect((await perennial('apply', await fileOf('kept', 'P3Y'))).out).toBe('kept: unchanged\n');
    const { policies, action, spec } = await scheduleOf('kept');
    expect(policies.overlap).toBe('SKIP');
    expect(spec.calendars?.[0]).toMatchObject({ hour: [{ start: 3 }], minute: [{ start: 0 }] });
    expect((action.args?.[0] as RetentionInput).definition.data.retention).toMatchObject({ age: 'P3Y' });

    const later = '{ age: P4Y, schedule: { cron: 30 4 * * *, timeZone: Asia/Tokyo } }';
    expect((await perennial('apply', await fileOf('kept', later))).out).toContain('schedule of retention updated');
    expect((await scheduleOf('kept')).spec.timezone).toBe('Asia/Tokyo');
    expect((await perennial('apply', await fileOf('kept'))).out).toContain('schedule of retention deleted');
    await expect(scheduleOf('kept')).rejects.toThrow(/not found/i);

    await perennial('apply', await fileOf('gone', 'P3Y'));
    await expect
      .poll(async () => (await perennial('apply', await fileOf('kept'), '--prune', '--dry-run')).out)
      .toContain('gone: not in the files, would be removed');
    await perennial('apply', await fileOf('kept'), '--prune');
    await expect(scheduleOf('gone')).rejects.toThrow(/not found/i);
  });
});

describe('perennial retention', () => {
  beforeEach(async () => {
    await perennial('apply', await fileOf('by-hand', 'P3Y'));
  });

  it('says what is due, and changes nothing', async () => {
    const { code, out, err } = await perennial('retention', 'by-hand', '--dry-run', '--as-of', '2026-01-01');
    expect(code).toBe(0);
    expect(out).toContain('older than data is kept: purge');
    expect(err).toContain('dry run: 2 objects of by-hand');
  });

  it('purges, and says by which requests', async () => {
    const { code, json } = await perennial('retention', 'by-hand', '--as-of', '2026-01-01', '--json');
    expect(code).toBe(0);
    expect(json<RetentionResult>()).toMatchObject({
      date: '2026-01-01',
      passes: [{ step: 'age', objects: 2, request: 'retention-by-hand-2026-01-01', outcome: 'Purged' }],
    });
  });

  it('ends with 1 where something is left, and says why', async () => {
    const blocked = { by: 'object lock', entries: 1, until: '2030-01-01T00:00:00.000Z', advice: 'wait' } as const;
    const remaining = { versions: 1, markers: 0, uploads: 0, bytes: 1 };
    const report = { reportUri: 's3://bucket/_perennial/report', reportHash: 'a'.repeat(64) };
    at.override({ verifyObjects: async () => ({ remaining, later: 0, blocked: [blocked], ...report, pages: 1 }) });
    const { code, out, err } = await perennial('retention', 'by-hand', '--as-of', '2026-01-02');
    expect(code).toBe(1);
    expect(out).toContain('Blocked');
    expect(err).toContain('until 2030-01-01');
  });

  it('refuses a model without a retention, and a date that is none', async () => {
    await perennial('apply', await fileOf('forever'));
    const forever = await perennial('retention', 'forever');
    expect(forever.code).toBe(2);
    expect(forever.err).toContain('has no data.retention');
    expect((await perennial('retention', 'by-hand', '--as-of', 'today')).code).toBe(2);
  });
});
