import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OutcomeObject } from '../../contracts/records.js';
import type { Version } from '../../contracts/versions.js';
import { exampleDefinition } from '../support/definitions.js';
import { raise } from '../support/scripted-activities.js';
import { clientEnvironment, type ClientEnvironment } from './environment.js';
import { call } from './terminal.js';

let at: ClientEnvironment;
beforeAll(async () => {
  at = await clientEnvironment();
  const definition = exampleDefinition({ name: 'weather' });
  await at.client.workflow.start('model', {
    taskQueue: at.env['PERENNIAL_TASK_QUEUE'] ?? '',
    workflowId: 'model/weather',
    args: [{ name: 'weather', definition }],
  });
});
afterEach(() => at.override({}));
afterAll(() => at.close());

const perennial = (...argv: string[]) => call(at.env, argv);

const version = (day: string, more: Partial<Version> = {}): Version => ({
  config: `weather-${day}`,
  madeBy: `retrain/weather/${day}`,
  modelName: `weather-${day}`,
  run: `retrain/weather/${day}`,
  instanceType: 'ml.m5.large',
  count: 1,
  oldestDate: '2026-01-01',
  newestDate: day,
  files: 7,
  metrics: [{ name: 'mdape', value: 0.08714 }],
  deployedAt: `${day}T10:00:00.000Z`,
  live: false,
  ...more,
});

describe('models', () => {
  it('lists the kept versions, and why one is of no use', async () => {
    const versions = [
      version('2026-01-03', { live: true }),
      version('2026-01-02', { unusable: 'its SageMaker model weather-2026-01-02 was deleted' }),
    ];
    at.override({
      listVersions: async () => ({
        endpoint: 'weather',
        status: 'InService',
        liveConfig: 'weather-2026-01-03',
        versions,
      }),
    });
    const { code, out } = await perennial('models', 'weather');
    expect(code).toBe(0);
    expect(out).toContain('weather is InService on weather-2026-01-03\n');
    expect(out).toMatch(
      /live +retrain\/weather\/2026-01-03 +2026-01-01 to 2026-01-03 +7 +mdape 0.08714 +2026-01-03 10:00:00 UTC +1 × ml.m5.large/,
    );
    expect(out).toMatch(/unusable +retrain\/weather\/2026-01-02 /);
    expect(out).toContain('weather-2026-01-02: its SageMaker model weather-2026-01-02 was deleted');
    expect((await perennial('models', 'weather', '--json')).json()).toMatchObject({ model: 'weather', versions });
  });

  it('says so where nothing is live or kept, and where there is no such model', async () => {
    expect((await perennial('models', 'weather')).out).toBe(
      'there is no endpoint weather: nothing is live\nno version of weather is kept\n',
    );
    expect(await perennial('models', 'wether')).toMatchObject({ code: 2, err: expect.stringContaining('weather?') });
  });
});

describe('rollback and deploy', () => {
  it('say what they do, do just that, and follow it to its end', async () => {
    const outcomes: OutcomeObject[] = [];
    at.override({
      recordOutcome: async ({ outcome }) => {
        outcomes.push(outcome);
        return { outcomeUri: 's3://bucket/outcome.json' };
      },
    });
    const { code, out, err } = await perennial('rollback', 'weather', '--note', 'drifts', '--by', 'ada');
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('weather changes') });
    expect(out).toMatch(/^Deployed: rolled back from weather-live to weather-old, .* by ada: drifts\n/);
    expect(outcomes[0]?.change).toMatchObject({ by: 'ada', note: 'drifts' });

    const { events = [] } = await at.client.workflow.getHandle('model/weather').fetchHistory();
    const asked = (events ?? []).flatMap((event): unknown[] => {
      const { name, args } = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input ?? {};
      const data = name === 'changeEndpoint' ? args?.payloads?.[0]?.data : undefined;
      return data ? [JSON.parse(Buffer.from(data).toString())] : [];
    });
    expect(asked).toEqual([{ kind: 'rollback', to: 'weather-old', from: 'weather-live', by: 'ada', note: 'drifts' }]);

    const deploy = await perennial('deploy', 'weather', '--by', 'ada', '--json');
    expect(deploy.json()).toMatchObject({ run: expect.stringMatching(/^deploy\/weather\//), outcome: 'Deployed' });
    const { run } = deploy.json<{ run: string }>();

    // Both are among the runs, and can be shown.
    await vi.waitUntil(async () => (await perennial('runs', '--model', 'weather')).out.includes(run), {
      timeout: 10_000,
      interval: 500,
    });
    expect((await perennial('runs', '--model', 'weather')).out).toMatch(/rollback\/weather\/\S+ +Deployed/);
    const shown = await perennial('show', run, '--json');
    expect(shown.json()).toMatchObject({
      run,
      model: 'weather',
      state: 'Deployed',
      endpointConfig: expect.any(String),
    });
  });

  it('are refused with the sentence of the plan, and nothing starts', async () => {
    let started = 0;
    at.override({
      planChange: async () => Promise.reject(raise('ResourceMissing', 'Nothing is live: there is no endpoint weather')),
      startChange: async () => {
        started += 1;
        return { warnings: [] };
      },
    });
    expect(await perennial('rollback', 'weather', '--to', 'x')).toMatchObject({
      code: 1,
      out: '',
      err: 'Nothing is live: there is no endpoint weather\n',
    });
    expect((await perennial('deploy', 'weather', '--json')).json()).toMatchObject({ exitCode: 1 });
    expect((await perennial('deploy', 'weather', '--by', ' ')).code).toBe(2);
    expect(started).toBe(0);
  });

  it('ends with code 1 where the endpoint had to go back', async () => {
    at.override({ awaitEndpoint: async () => Promise.reject(raise('DeploymentRolledBack', 'back on weather-live')) });
    const { code, out } = await perennial('rollback', 'weather');
    expect({ code, out }).toMatchObject({ code: 1, out: expect.stringContaining('Failed: back on weather-live') });
  });
});
