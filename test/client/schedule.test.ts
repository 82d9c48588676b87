import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { entityId } from '../../contracts/names.js';
import type { ModelStatus } from '../../contracts/runs.js';
import { TRIGGERS_MEMO } from '../../contracts/triggers.js';
import { raise } from '../support/scripted-activities.js';
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

async function applied(model: string, triggers: string): Promise<string> {
  const folder = await temporaryFolder({ 'a.yaml': definitionText(model, `triggers: { ${triggers} }\n`) });
  const { code, err } = await perennial('apply', folder);
  if (code !== 0) throw new Error(err);
  return model;
}

const schedule = (cron: string) => `schedule: { cron: "${cron}", timeZone: Asia/Tokyo }`;
const byEvent = 'newData: {}, events: [{ source: my.pipeline, detailType: Done }]';
const status = (model: string) => at.client.workflow.getHandle(entityId(model)).query<ModelStatus>('status');

describe('schedule', () => {
  it('lists, pauses, resumes and triggers', async () => {
    await applied('clocked', schedule('0 9 * * *'));
    await expect
      .poll(async () => (await perennial('schedule', 'list')).out)
      .toMatch(/clocked +retrain +0 9 \* \* \* +Asia\/Tokyo +active +never +\d{4}-/);
    const paused = await perennial('schedule', 'pause', 'clocked', '--note', 'new sensors', '--json');
    expect(paused.json()).toMatchObject({ model: 'clocked', state: 'paused', note: 'new sensors', next: [] });
    expect((await perennial('schedule', 'resume', 'clocked')).out).toMatch(/^resumed the schedule of clocked; next /);

    expect((await perennial('schedule', 'trigger', 'clocked')).code).toBe(0);
    await expect
      .poll(async () => (await perennial('show', 'clocked', '--json')).out, { timeout: 20_000 })
      .toContain('"state":"Deployed"');
    const shown = await perennial('show', 'clocked', '--json');
    expect(shown.json()).toMatchObject({ trigger: 'schedule', model: 'clocked' });
  });

  it('names the closest model that has one', async () => {
    await applied('clockwork', schedule('0 9 * * *'));
    await expect
      .poll(async () => (await perennial('schedule', 'pause', 'clockwrk')).err)
      .toContain('Did you mean clockwork?');
  });
});

describe('schedules of other kinds', () => {
  const storage =
    'storage:\n  records: { bucket: my-bucket }\n  reconcile: { cron: "30 2 * * *", timeZone: Asia/Tokyo }\n';
  const model = (more: string) =>
    definitionText('old', more).replace(/data: \{ (.*) \}/, 'data: { $1, window: P1Y, retention: P3Y }');

  it('are listed by kind with their own clocks, paused and resumed', async () => {
    // A transform that is called as another kind is named in full.
    const transform = `transforms: [{ name: retention, input: s3://my-bucket/in/, output: s3://my-bucket/out/, schedule: { cron: '0 1 * * *' } }]\n`;
    const folder = await temporaryFolder({ 'a.yaml': model(transform), 'storage.yaml': storage });
    expect(await perennial('apply', folder)).toMatchObject({ code: 0 });
    const listed = async () => (await perennial('schedule', 'list')).out;
    await expect.poll(listed).toMatch(/^old\/retention +retention +0 3 \* \* \* +UTC +active +never/m);
    await expect.poll(listed).toMatch(/^old\/transform\/retention +transform +0 1 \* \* \*/m);
    await expect.poll(listed).toMatch(/^storage\/reconcile +reconcile +30 2 \* \* \* +Asia\/Tokyo +active/m);

    const ids = { 'old/retention': 'schedule/old/retention', 'storage/reconcile': 'schedule/storage/reconcile' };
    for (const [subject, id] of Object.entries(ids)) {
      const state = async () => (await at.client.schedule.getHandle(id).describe()).state.paused;
      const paused = await perennial('schedule', 'pause', subject, '--note', 'an audit', '--json');
      expect(paused.json()).toMatchObject({ model: subject, state: 'paused', note: 'an audit', next: [] });
      expect(await state()).toBe(true);
      expect((await perennial('schedule', 'resume', subject)).out).toContain(
        `resumed the schedule of ${subject}; next`,
      );
      expect(await state()).toBe(false);
    }
    expect((await perennial('schedule', 'pause', 'old/retentoin')).err).toContain('Did you mean old/retention?');
    const span = ['--from', '2026-01-01', '--to', '2026-01-02'];
    expect((await perennial('schedule', 'backfill', 'old/retention', ...span)).code).toBe(2);
  });
});

describe('events', () => {
  it('are paused and resumed with the schedule, or without one', async () => {
    await applied('evented', byEvent);
    await expect
      .poll(async () => (await perennial('schedule', 'list')).out)
      .toMatch(/evented +retrain +new data, 1 event +active/);
    const memo = async () => (await at.client.workflow.getHandle(entityId('evented')).describe()).memo?.[TRIGGERS_MEMO];

    const paused = await perennial('schedule', 'pause', 'evented', '--note', 'moving', '--json');
    expect(paused.json()).toMatchObject({ state: 'paused', note: 'moving', events: 'new data, 1 event' });
    await expect.poll(memo).toMatchObject({ paused: 'moving' });
    await expect.poll(async () => (await perennial('schedule', 'list')).out).toMatch(/evented .*paused .*moving/);
    expect((await status('evented')).events).toEqual({ paused: 'moving' });

    const resumed = await perennial('schedule', 'resume', 'evented');
    expect(resumed.out).toBe('resumed the events of evented\n');
    await expect.poll(memo).not.toHaveProperty('paused');
    // What came meanwhile is looked at.
    expect((await status('evented')).events?.lookAt).toBeGreaterThan(Date.now());

    await applied('both', `${schedule('0 9 * * *')}, ${byEvent}`);
    expect((await perennial('schedule', 'pause', 'both')).out).toBe('paused the schedule and the events of both\n');
  });

  it('can be neither paused nor triggered where there are none, which is said', async () => {
    await applied('by-hand', '');
    const { code, err } = await perennial('schedule', 'pause', 'by-hand');
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('no schedule and no event that starts runs for "by-hand"'),
    ]);
    await applied('no-clock', byEvent);
    expect((await perennial('schedule', 'trigger', 'no-clock')).err).toContain('no schedule for "no-clock"');
  });

  it('are named by show', async () => {
    await applied('shown', byEvent);
    const request = { trigger: 'event', event: 'Done (my.pipeline)' };
    await at.client.workflow.getHandle(entityId('shown')).signal('runWanted', request);
    await expect
      .poll(async () => (await perennial('show', 'shown')).out, { timeout: 20_000 })
      .toMatch(/asked by +event: Done \(my\.pipeline\)/);
  });
});

describe('schedule backfill', () => {
  const span = (from: string, to: string) => ['--from', from, '--to', to];

  it('asks for one run a day of the schedule, oldest first, each as of its day in the time zone of the schedule', async () => {
    // Weekdays at 08:30 in Tokyo, which is the day before in UTC.
    await applied('past', schedule('30 8 * * 1-5'));
    const seen: string[] = [];
    at.override({
      checkData: async ({ asOf, force }) => {
        seen.push(`${asOf} ${force}`);
        return Promise.reject(raise('DataInvalid', 'stop here'));
      },
    });
    const week = ['2026-01-01', '2026-01-02', '2026-01-05', '2026-01-06'];
    const dry = await perennial('schedule', 'backfill', 'past', ...span('2026-01-01', '2026-01-06'), '--dry-run');
    expect(dry.out).toBe(`would ask for 4 runs of past, as of\n${week.map((day) => `  ${day}\n`).join('')}`);
    const asked = await perennial(
      'schedule',
      'backfill',
      'past',
      ...span('2026-01-01', '2026-01-06'),
      '--force',
      '--json',
    );
    expect(asked.json()).toMatchObject({
      model: 'past',
      dates: week,
      runs: week.map((asOf, index) => ({ asOf, position: index, state: index === 0 ? 'started' : 'queued' })),
    });
    await expect.poll(() => seen, { timeout: 20_000 }).toEqual(week.map((day) => `${day} true`));
  });

  it('merges nothing the second time, and says which days wait already', async () => {
    await applied('twice', schedule('0 9 * * *'));
    let open = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    at.override({ checkData: () => held.then(() => Promise.reject(raise('DataInvalid', 'stop here'))) });
    const ask = () => perennial('schedule', 'backfill', 'twice', ...span('2026-01-01', '2026-01-03'), '--no-deploy');
    expect((await ask()).err).not.toContain('waits already');
    const again = await ask();
    expect(again.err).toContain('2026-01-02, 2026-01-03: waits already');
    expect(again.code).toBe(0);
    expect((await status('twice')).queue).toHaveLength(5);
    open();
  });

  it('asks for nothing at all where more days are meant than may wait', async () => {
    await applied('long', schedule('0 * * * *'));
    const refused = await perennial('schedule', 'backfill', 'long', ...span('2026-01-01', '2026-01-21'));
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('on more than 20 days between 2026-01-01 and 2026-01-21');
    expect(refused.err).toContain('nothing was started. --to 2026-01-20 fits');
    expect((await status('long')).running).toBeUndefined();
    const dry = await perennial(
      'schedule',
      'backfill',
      'long',
      ...span('2026-01-01', '2026-01-20'),
      '--dry-run',
      '--json',
    );
    expect(dry.json<{ dates: string[] }>().dates).toHaveLength(20);
  });

  it.each([
    [['2026-02-30', '2026-03-01'], '--from 2026-02-30 is not a date'],
    [['2026-03-02', '2026-03-01'], '--from 2026-03-02 lies after --to 2026-03-01'],
    [['2026-03-01', '2999-01-01'], 'lies in the future'],
    [['2026-01-03', '2026-01-04'], 'has no time between'],
  ])('refuses %s', async ([from, to], words) => {
    await applied('strict', schedule('30 8 * * 1-5'));
    const { code, err } = await perennial('schedule', 'backfill', 'strict', ...span(from ?? '', to ?? ''));
    expect([code, err]).toEqual([2, expect.stringContaining(words)]);
  });

  it('is nothing for a model without a schedule', async () => {
    await applied('unclocked', byEvent);
    const { err } = await perennial('schedule', 'backfill', 'unclocked', ...span('2026-01-01', '2026-01-02'));
    expect(err).toContain('`perennial run unclocked --as-of <date>`');
  });
});
