import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definitionHash } from '../../activities/data/index.js';
import type { RunRef } from '../../contracts/activities.js';
import type { FailureType } from '../../contracts/failures.js';
import { deployedKey, fileRecordKey } from '../../contracts/names.js';
import { World } from './support/world.js';

let world: World;
beforeEach(async () => {
  world = await World.make();
});
afterEach(() => world.close());

const day = (date: number) => `2026-01-${String(date).padStart(2, '0')}`;
const remove = (key: string) => world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: key }));

describe('compared with the deployed run', () => {
  beforeEach(async () => {
    await world.putAll([6, 8].map((date) => `${day(date)}.csv`));
  });

  it('finds nothing new in the same files, and writes nothing', async () => {
    await world.deploy();
    const input = world.input();
    const result = await world.run(world.data.checkData, input);
    expect(result).toMatchObject({ news: false, added: 0, changed: 0, removed: 0, files: 2 });
    expect(result.reasons).toEqual([expect.stringMatching(/^nothing new since retrain\//)]);
    const uri = `s3://${world.bucket}/${fileRecordKey(input.definition.data.output, input.ref.runTime)}`;
    expect(await world.json(uri)).toBeNull();
  });

  it('finds a late file, whose date is older than the newest deployed', async () => {
    await world.deploy();
    await world.put(`${day(7)}.csv`);
    expect(await world.check()).toMatchObject({ news: true, added: 1, changed: 0, removed: 0 });
  });

  it('finds a file that was uploaded again with other content', async () => {
    await world.deploy();
    await world.put(`${day(6)}.csv`, 'some,ROW\n');
    const result = await world.check();
    expect(result).toMatchObject({ news: true, added: 0, changed: 1, removed: 0 });
    expect(result.reasons[0]).toMatch(/^0 new files, 1 changed, 0 removed since retrain\//);
  });

  it('takes the same content uploaded again for no news', async () => {
    await world.deploy();
    await world.put(`${day(6)}.csv`);
    expect(await world.check()).toMatchObject({ news: false, changed: 0 });
  });

  it('finds a file that was removed inside the window', async () => {
    await world.deploy();
    await remove(`data/x/train/${day(6)}.csv`);
    expect(await world.check()).toMatchObject({ news: true, added: 0, changed: 0, removed: 1 });
  });

  it('takes a file that aged out of the window for no news', async () => {
    const definition = world.definition({ data: { window: 'P5D' } });
    await world.deploy({ definition });
    expect(await world.check({ definition, asOf: day(11) })).toMatchObject({ news: false, files: 1, removed: 0 });
  });

  it('does not miss files that lie after an earlier as-of date', async () => {
    await world.deploy();
    expect(await world.check({ asOf: day(7) })).toMatchObject({ news: false, files: 1, removed: 0 });
  });

  it('finds a changed definition', async () => {
    await world.deploy();
    const definition = world.definition({ training: { algorithm: 'linear-learner', hyperparameters: { wd: 0.1 } } });
    const result = await world.check({ definition });
    expect(result).toMatchObject({ news: true, added: 0 });
    expect(result.reasons[0]).toMatch(/^the definition changed since retrain\//);
  });

  it('finds a new file of a further channel', async () => {
    await world.put(`data/x/validation/${day(6)}.csv`);
    const definition = world.definition({ data: { channels: ['validation'] } });
    await world.deploy({ definition });
    await world.put(`data/x/validation/${day(7)}.csv`);
    expect(await world.check({ definition })).toMatchObject({ news: true, added: 1, newestDate: day(8) });
  });

  it('trains when asked to, and says so', async () => {
    await world.deploy();
    const result = await world.check({ force: true });
    expect(result).toMatchObject({ news: true, added: 0, files: 2 });
    expect(result.reasons).toContain('asked to train whatever the data says');
  });

  it('trains when a person has set the parameter to 0', async () => {
    await world.deploy();
    await world.setParameter('0');
    const result = await world.check();
    expect(result.news).toBe(true);
    expect(result.reasons.at(-1)).toMatch(/is 0: always train$/);
  });

  it('does not look at the date in the parameter', async () => {
    await world.deploy();
    await world.setParameter('2020-01-01');
    expect(await world.check()).toMatchObject({ news: false });
  });

  it('falls back to the parameter when the file record is gone', async () => {
    await world.deploy({ ref: { model: world.model, run: 'retrain/gone', runTime: '2026-01-01T00:00:00.000Z' } });
    await remove(fileRecordKey(world.definition().data.output, '2026-01-01T00:00:00.000Z'));
    await world.put(`${day(7)}.csv`);
    const result = await world.check();
    expect(result.news).toBe(false);
    expect(result.reasons[0]).toBe('the file record of retrain/gone, the last run that was deployed, is gone');
  });

  it.each(['not json', '{"version":2}'])('names a pointer that holds %s', async (body) => {
    const definition = world.definition({ data: { output: 'data/records/' } });
    await world.put(deployedKey('data/records/'), body);
    await expect(world.check({ definition })).rejects.toMatchObject({
      type: 'DataInvalid',
      message: expect.stringContaining(`s3://${world.bucket}/data/records/deployed.json`),
    });
  });
});

describe('compared with the parameter, without a record', () => {
  beforeEach(async () => {
    await world.putAll([6, 8].map((date) => `${day(date)}.csv`));
  });

  it.each([
    ['0', true, 2],
    [day(8), false, 0],
    [day(7), true, 1],
    [day(9), false, 0],
  ])('%s: news %s', async (value, news, added) => {
    await world.setParameter(value);
    const result = await world.check();
    expect(result).toMatchObject({ news, added });
    expect(result.reasons[0]).toContain(world.definition().data.parameter);
  });

  it.each(['yesterday', '2026-02-30', '20260108', 'O'])('refuses %s', async (value) => {
    await world.setParameter(value);
    await expect(world.check()).rejects.toMatchObject({
      type: 'DataInvalid',
      nonRetryable: true,
      message: expect.stringMatching(`${world.definition().data.parameter} holds "${value}".*set it to 0`),
    });
  });

  it('refuses a SecureString', async () => {
    await world.setParameter('0', 'SecureString');
    await expect(world.check()).rejects.toMatchObject({ type: 'DataInvalid' });
  });
});

describe('after a roll-back', () => {
  beforeEach(() => world.putAll([6, 8].map((date) => `${day(date)}.csv`)));

  /** A run that trained, and whose model was taken back for `failureType`. */
  async function failed(failureType: FailureType, options: Parameters<World['input']>[0] = {}): Promise<void> {
    const input = world.input(options);
    const { fileRecordUri, dataHash, definitionHash: hash } = await world.run(world.data.checkData, input);
    const { ref, definition } = input;
    const outcome = { ...outcomeOf(world, ref), failureType, fileRecordUri, dataHash, definitionHash: hash };
    await world.run(world.record.recordOutcome, { ref, definition, outcome });
  }

  it.each(['DeploymentRolledBack', 'SmokeTestFailed'] as const)('%s: the same data is no news', async (failureType) => {
    await failed(failureType);
    const result = await world.check();
    expect(result.news).toBe(false);
    expect(result.reasons.at(-1)).toMatch(/^but nothing new since retrain\/.*rolled back.*--force$/);
    expect(await world.check({ force: true })).toMatchObject({ news: true });
    await world.setParameter('0');
    expect(await world.check()).toMatchObject({ news: true });
  });

  it('a failure that says nothing of the model is tried again', async () => {
    await failed('TrainingFailed');
    expect(await world.check()).toMatchObject({ news: true });
  });

  it('a new file or a changed definition is news again, a file that aged out is not', async () => {
    const definition = world.definition({ data: { window: 'P5D' } });
    await failed('SmokeTestFailed', { definition });
    expect(await world.check({ definition, asOf: day(11) })).toMatchObject({ news: false, files: 1 });
    expect(await world.check({ definition: world.definition() })).toMatchObject({ news: true });
    await world.put(`${day(9)}.csv`);
    expect(await world.check({ definition })).toMatchObject({ news: true });
  });

  it('counts no more once a later run is deployed', async () => {
    await failed('SmokeTestFailed');
    await world.put(`${day(9)}.csv`);
    await world.deploy();
    await remove(`data/x/train/${day(9)}.csv`);
    expect(await world.check()).toMatchObject({ news: true, removed: 1 });
  });
});

function outcomeOf({ model }: World, { run, runTime }: RunRef) {
  return {
    version: 1,
    run,
    temporalRunId: 'temporal-run',
    model,
    outcome: 'Failed',
    reason: 'x',
    trigger: 'manual',
    startedAt: runTime,
    endedAt: runTime,
    stages: {},
    metrics: [],
    warnings: [],
  } as const;
}

describe('definitionHash', () => {
  const hash = (overrides: Parameters<World['definition']>[0]) => definitionHash(world.definition(overrides));

  it('is the same for what changes neither the model nor how it is served', () => {
    const same = [
      { data: { output: 'elsewhere/', parameter: '/elsewhere' } },
      { training: { algorithm: 'linear-learner', instances: ['ml.m5.xlarge'], tags: { team: 'a' }, maxRuntime: '1h' } },
      { endpoint: { keep: 9, smokeTest: false, maxWait: '2h' } },
      { waiting: { poll: '5s' } },
      { triggers: { schedule: { cron: '0 9 * * *' } } },
    ] as const;
    for (const overrides of same) expect(hash(overrides as never)).toBe(hash({}));
  });

  it('is another for what changes them', () => {
    const other = [
      { data: { window: 'P2Y' } },
      { data: { contentType: 'text/csv;label_size=1' } },
      { training: { algorithm: 'linear-learner', count: 2 } },
      { training: { image: 'other:1' } },
      { encryption: { key: 'alias/other' } },
      { endpoint: { instanceType: 'ml.c5.large' } },
      { network: { subnets: ['subnet-1'], securityGroups: ['sg-1'] } },
    ] as const;
    const hashes = [hash({}), ...other.map((overrides) => hash(overrides as never))];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('takes a number and its text for one hyperparameter', () => {
    const wd = (value: string | number) =>
      hash({ training: { algorithm: 'linear-learner', hyperparameters: { wd: value } } });
    expect(wd(0.1)).toBe(wd('0.1'));
  });
});
