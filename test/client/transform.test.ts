import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { entityId } from '../../contracts/names.js';
import { MESSAGES, type ModelStatus } from '../../contracts/runs.js';
import { transformScheduleId, type TransformInput, type TransformResult } from '../../contracts/transforms.js';
import { raise } from '../support/scripted-activities.js';
import type { ClientEnvironment } from './environment.js';
import { applyModel, clientEnvironment, definitionText } from './environment.js';
import { call, temporaryFolder } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const perennial = (...argv: string[]) => call(at.env, argv);

/** A file of a model with these transforms, in YAML's flow style. */
const fileOf = (model: string, transforms: string) =>
  temporaryFolder({ 'a.yaml': definitionText(model, `transforms: [${transforms}]\n`) });

const daily =
  '{ name: daily, input: "s3://bucket/rows/{date}/", output: s3://bucket/daily/, schedule: { cron: 0 6 * * * } }';
const weekly =
  '{ input: s3://bucket/rows/, output: s3://bucket/weekly/, schedule: { cron: 0 7 * * 1, timeZone: Asia/Tokyo } }';
const byHand = '{ input: s3://bucket/rows/, output: s3://bucket/by-hand/ }';

async function applied(model: string, transforms: string): Promise<void> {
  const { code, err } = await perennial('apply', await fileOf(model, transforms));
  if (code !== 0) throw new Error(err);
}

const scheduleOf = (model: string, name: string) =>
  at.client.schedule.getHandle(transformScheduleId(model, name)).describe();

interface Answer extends TransformResult {
  readonly transform: string;
  readonly result?: TransformResult;
}

describe('the schedules of transforms', () => {
  it('are made, changed, kept in their state, and removed by apply', async () => {
    const file = await fileOf('clocks', [daily, weekly, byHand].join(', '));
    const dry = await perennial('apply', file, '--dry-run');
    expect(dry.out).toBe(
      'clocks: would be created, schedule of transform daily would be created, schedule of transform weekly would be created\n',
    );
    const made = await perennial('apply', file, '--json');
    expect(made.json()).toMatchObject({
      models: [
        {
          entity: 'created',
          schedule: 'none',
          transforms: [
            { name: 'daily', schedule: 'created' },
            { name: 'weekly', schedule: 'created' },
          ],
        },
      ],
    });
    expect((await perennial('apply', file)).out).toBe('clocks: unchanged\n');
    const { policies, action } = await scheduleOf('clocks', 'daily');
    expect(policies.overlap).toBe('BUFFER_ALL');
    expect(policies.catchupWindow).toBe(7 * 86_400_000);
    expect((action.args?.[0] as TransformInput).transform.name).toBe('daily');
    expect((await scheduleOf('clocks', 'weekly')).policies.overlap).toBe('SKIP');

    await perennial('schedule', 'pause', 'clocks/daily', '--note', 'new rows');
    const changed = await perennial('apply', await fileOf('clocks', [daily.replace('0 6', '30 5'), byHand].join(', ')));
    expect(changed.out).toMatch(
      /^clocks: updated, schedule of transform daily updated, schedule of transform weekly deleted\n +~ transforms: /,
    );
    expect((await scheduleOf('clocks', 'daily')).state).toMatchObject({ paused: true, note: 'new rows' });
    await expect(scheduleOf('clocks', 'weekly')).rejects.toThrow(/not found/i);
  });

  it('are listed beside those of models, paused, resumed and triggered by name', async () => {
    await applied('listed', weekly);
    await expect
      .poll(async () => (await perennial('schedule', 'list')).out)
      .toMatch(/listed\/weekly +transform +0 7 \* \* 1 +Asia\/Tokyo +active +never +\d{4}-/);
    const paused = await perennial('schedule', 'pause', 'listed/weekly', '--note', 'why', '--json');
    expect(paused.json()).toMatchObject({ model: 'listed/weekly', state: 'paused', note: 'why' });
    expect((await perennial('schedule', 'resume', 'listed/weekly')).out).toMatch(
      /^resumed the schedule of listed\/weekly/,
    );
    await expect
      .poll(async () => (await perennial('schedule', 'pause', 'listed/weekl')).err)
      .toContain('Did you mean listed/weekly?');

    // The day is that of the schedule's time, which is when the trigger came.
    const times: string[] = [];
    at.override({
      countAnswers: async ({ ref }) => {
        times.push(ref.runTime);
        return { objects: 1, bytes: 1 };
      },
    });
    expect((await perennial('schedule', 'trigger', 'listed/weekly')).code).toBe(0);
    await expect.poll(() => times.length, { timeout: 20_000 }).toBe(1);
    expect(times[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    const { info } = await scheduleOf('listed', 'weekly');
    const { workflow } = info.recentActions.at(-1)?.action ?? {};
    expect(workflow?.workflowId).toMatch(/^transform\/listed\/weekly-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('go with a model that is pruned', async () => {
    await applied('pruned', daily);
    const other = await temporaryFolder({ 'a.yaml': definitionText('kept') });
    await expect
      .poll(async () => (await perennial('apply', other, '--prune')).out)
      .toMatch(/pruned: not in the files, removed/);
    await expect(scheduleOf('pruned', 'daily')).rejects.toThrow(/not found/i);
  });
});

describe('perennial transform', () => {
  it('shows the transform until it ends, and where the answers are', async () => {
    const model = await applyModel(at, 'asked');
    const args = ['transform', model, '--input', 's3://bucket/rows/', '--output', 's3://bucket/out/here'];
    const { code, out, err } = await perennial(...args);
    expect([code, err]).toEqual([0, expect.stringContaining('model `asked-live`, live on endpoint asked')]);
    expect(out).toMatch(/^Completed: s3:\/\/bucket\/out\/here.* holds the answers of asked-live\n/);
    expect(out).toMatch(/objects +2 objects, 20 B/);

    const answer = (await perennial(...args, '--label', 'first', '--json')).json<Answer>();
    expect(answer).toMatchObject({ outcome: 'Completed', result: { name: 'here', model, objects: 2 } });
    expect(answer.transform).toMatch(/^transform\/asked\/here-.*T.*\.\d{3}Z$/);
  });

  it('starts a transform of the definition by its name, changed for this time alone', async () => {
    await applied('named', [daily, byHand].join(', '));
    const started: TransformInput['transform'][] = [];
    at.override({
      findLiveModel: async ({ definition }) => ({ modelName: definition.name, because: 'for a test' }),
      startTransform: async ({ transform }) => {
        started.push(transform);
        return {
          transformJob: 'j',
          inputUri: transform.input,
          outputUri: transform.output,
          attached: false,
          warnings: [],
        };
      },
    });
    expect((await perennial('transform', 'named', '--name', 'daily', '--accept', 'text/csv')).code).toBe(0);
    expect(started).toMatchObject([{ name: 'daily', input: 's3://bucket/rows/{date}/', accept: 'text/csv' }]);
    const unknown = await perennial('transform', 'named', '--name', 'dayly');
    expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('did you mean daily?')]);
  });

  it('says in one message all that is wrong with a request, and starts nothing', async () => {
    const model = await applyModel(at, 'refused');
    const nothing = await perennial('transform', model);
    expect([nothing.code, nothing.err]).toEqual([2, expect.stringContaining('give --input and --output, or --name')]);
    const { code, err } = await perennial(
      ...['transform', model, '--input', 'rows/', '--output', 's3://bucket', '--split', 'page'],
    );
    expect(code).toBe(2);
    expect(err).toMatch(
      /--input must be an S3 URI[^]*--output must be an S3 URI[^]*--split must be one of line, none[^]*nothing was started/,
    );
    const inside = ['--input', 's3://bucket/rows/', '--output', 's3://bucket/rows/out/'];
    expect((await perennial('transform', model, ...inside)).err).toContain('--output must not lie inside input');
    expect((await perennial('transform', 'nobody', ...inside)).err).toContain('no model "nobody" is applied');
  });

  it('is shown afterwards by its id, which is none of a run', async () => {
    const model = await applyModel(at, 'shown');
    const args = ['transform', model, '--input', 's3://bucket/rows/', '--output', 's3://bucket/out/'];
    const { transform } = (await perennial(...args, '--json')).json<Answer>();
    const { code, out } = await perennial('show', transform);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`^${transform}  Completed\n +s3://bucket/out.* holds the answers of shown-live\n`));
    expect(out).toMatch(/objects +2 objects, 20 B/);
    expect(out).toContain('- model `shown-live`, live on endpoint shown');
    expect((await perennial('show', transform, '--json')).json()).toMatchObject({
      ...{ transform, model, state: 'Completed', pending: [], warnings: [] },
      result: { name: 'out', objects: 2 },
    });
    const none = await perennial('show', transform.replace(/\d{4}-/, '1999-'));
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('no transform')]);
    const logs = await perennial('logs', transform);
    expect([logs.code, logs.err]).toEqual([2, expect.stringContaining('is a batch transform, not a run')]);

    at.override({ awaitTransform: () => Promise.reject(raise('InProgress', 'InProgress for 1 min', '1s')) });
    const other = (await perennial(...args, '--detach', '--json')).json<Answer>().transform;
    await expect
      .poll(async () => (await perennial('show', other)).out)
      .toMatch(/ {2}running\n[^]*waiting in awaitTransform, try \d+: InProgress for 1 min/);
    await perennial('cancel', other);
    expect((await perennial('show', other)).out).toMatch(/ {2}Cancelled\n/);
  });

  it('tells a failure with its reason, and exits as a failed run does', async () => {
    const model = await applyModel(at, 'failing');
    at.override({
      awaitTransform: () => Promise.reject(raise('TransformFailed', 'Transform job j failed: rows.csv: 500')),
    });
    const args = ['transform', model, '--input', 's3://bucket/rows/', '--output', 's3://bucket/out/'];
    const { code, out } = await perennial(...args);
    expect([code, out]).toEqual([1, expect.stringContaining('Failed: Transform job j failed: rows.csv: 500')]);
    // It is no run of the model: nothing is counted, and nothing is paused for it.
    const status = await at.client.workflow.getHandle(entityId(model)).query<ModelStatus>(MESSAGES.status);
    expect(status).toMatchObject({ failures: 0, queue: [] });
  });

  it('goes on after --detach or Ctrl-C, until it is cancelled', async () => {
    const model = await applyModel(at, 'detached');
    at.override({ awaitTransform: () => Promise.reject(raise('InProgress', 'InProgress for 1 min', '1s')) });
    const args = ['transform', model, '--input', 's3://bucket/rows/', '--output', 's3://bucket/out/'];
    const { transform } = (await perennial(...args, '--detach', '--json')).json<Answer>();
    const left = await call(at.env, args, { interruptWhen: (err) => err.includes('InProgress for 1 min') });
    expect([left.code, left.out]).toEqual([0, expect.stringContaining('the transform goes on')]);

    const cancelled = await perennial('cancel', transform, '--json');
    expect(cancelled.json()).toMatchObject({ run: transform, cancelled: true, outcome: 'Cancelled' });
    const again = await perennial('cancel', transform);
    expect([again.code, again.err]).toEqual([1, expect.stringContaining('has ended already: Cancelled')]);
    const none = await perennial('cancel', transform.replace(/\d{4}-/, '1999-'));
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('no transform')]);

    const other = /started (\S+)/.exec(left.err)?.[1] ?? '';
    const handle = at.client.workflow.getHandle(other);
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
  });
});
