import type { Pool } from 'pg';
import { beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../ledger/migrate.js';
import { createLedger, type Ledger } from '../../ledger/store.js';
import { dump, usePostgres } from './database.js';
import { dailyFiles, deployedRun, first, idle, second } from './records.js';

const emptyDatabase = usePostgres();
let pool: Pool;
let ledger: Ledger;
beforeEach(async () => {
  pool = await emptyDatabase();
  await migrate(pool);
  ledger = createLedger(pool);
});

describe('recording runs', () => {
  it('keeps the outcome object whole and indexes it', async () => {
    await ledger.recordRun(first);
    const { run } = first.outcome;
    expect(await ledger.getRun(run)).toEqual({ uri: first.uri, outcome: first.outcome });
    expect(await ledger.getRun('retrain/other/2026-11-19T09:00:00.000Z')).toBeUndefined();
    const { rows } = await pool.query('SELECT *, as_of::text AS day FROM runs');
    expect(rows[0]).toMatchObject({
      ...{ day: '2026-11-19', billable_seconds: 41, started_at: new Date('2026-11-19T09:00:00Z') },
      ...{ metrics: [{ name: 'validation:mse', value: 7.25 }], training_job: first.outcome.trainingJob },
    });
    expect((await dump(pool))['models']).toMatchObject([{ model_name: first.outcome.modelName, run }]);
  });

  it('gives the same rows however often and in whatever order runs are recorded', async () => {
    for (const record of [first, second, idle]) await ledger.recordRun(record);
    const once = await dump(pool);
    const other = await emptyDatabase();
    await migrate(other);
    [pool, ledger] = [other, createLedger(other)];
    await Promise.all([idle, second, first, second, first].map((record) => ledger.recordRun(record)));
    expect(await dump(pool)).toEqual(once);
  });

  it('writes nothing of a run that it can only half write', async () => {
    const bad = { ...first, fileRecord: { ...first.fileRecord, files: [...first.fileRecord.files, ...dailyFiles(1)] } };
    await expect(ledger.recordRun(bad)).rejects.toThrow('cannot affect row a second time');
    expect(await ledger.listRuns({ limit: 10 })).toEqual([]);
    await expect(ledger.recordRun({ ...first, fileRecord: undefined })).rejects.toThrow(
      'index it with that file record',
    );
    await expect(ledger.recordRun({ ...first, fileRecord: second.fileRecord })).rejects.toThrow(
      `was given the file record of ${second.outcome.run}`,
    );
  });

  it('leaves a model with the run that trained it when a person puts it back in service', async () => {
    await ledger.recordRun(first);
    await ledger.recordRun(second);
    const { modelName, endpointConfig, endpoint, fileRecordUri, files } = first.outcome;
    const { fileRecord: _none, ...back } = deployedRun('2026-11-21T10:00:00.000Z', [], {
      run: 'rollback/seattle-weather/2026-11-21T10:00:00.000Z',
      kind: 'rollback',
      trainingJob: undefined,
      ...{ modelName, endpointConfig, endpoint, fileRecordUri, files },
    });
    await ledger.recordRun(back);
    const models = (await dump(pool))['models'] as { model_name: string; run: string }[];
    expect(models.map(({ run }) => run).sort()).toEqual([first.outcome.run, second.outcome.run]);
    expect(await ledger.liveDeployment(endpoint ?? '')).toMatchObject({ run: back.outcome.run, endpointConfig });
    expect((await ledger.listRuns({ limit: 1 }))[0]?.run).toBe(back.outcome.run);
  });

  it('takes a reason with a character that PostgreSQL has not', async () => {
    await ledger.recordRun({ ...idle, outcome: { ...idle.outcome, reason: 'AlgorithmError: \0 at 3' } });
    expect((await ledger.getRun(idle.outcome.run))?.outcome.reason).toBe('AlgorithmError: \uFFFD at 3');
  });
});

describe('runs', () => {
  it('are listed newest first, by model and outcome, page by page', async () => {
    const other = deployedRun('2026-11-20T10:00:00.000Z', dailyFiles(1), {}, 'other');
    for (const record of [second, idle, first, other]) await ledger.recordRun(record);
    const ids = async (filter: Parameters<Ledger['listRuns']>[0]) =>
      (await ledger.listRuns(filter)).map(({ run }) => run);
    const all = [idle, other, second, first].map(({ outcome }) => outcome.run);
    expect(await ids({ limit: 10 })).toEqual(all);
    expect(await ids({ limit: 2 })).toEqual(all.slice(0, 2));
    expect(await ids({ limit: 2, before: all[1] })).toEqual(all.slice(2));
    expect(await ids({ limit: 10, model: 'other' })).toEqual([other.outcome.run]);
    expect(await ids({ limit: 10, outcome: 'NoNewData' })).toEqual([idle.outcome.run]);
    await expect(ids({ limit: 2, before: 'retrain/none/x' })).rejects.toThrow('no run retrain/none/x');
    const { outcome } = first;
    expect((await ledger.listRuns({ limit: 10 })).at(-1)).toEqual({
      ...{ run: outcome.run, model: outcome.model, outcome: 'Deployed', reason: '3 new files', files: 3 },
      ...{ startedAt: outcome.startedAt, endedAt: outcome.endedAt },
      ...{ trainingJob: outcome.trainingJob, endpointConfig: outcome.endpointConfig },
    });
    expect((await ledger.listRuns({ limit: 1 }))[0]).not.toHaveProperty('trainingJob');
  });
});

describe('deployments', () => {
  it('are live until the next one, or until the endpoint is deleted', async () => {
    expect(await ledger.liveDeployment('seattle-weather')).toBeUndefined();
    await ledger.recordRun(second);
    await ledger.recordRun(first);
    expect((await ledger.liveDeployment('seattle-weather'))?.run).toBe(second.outcome.run);
    expect(await ledger.deployments('seattle-weather')).toMatchObject([
      { run: second.outcome.run, live: true, modelName: second.outcome.modelName },
      { run: first.outcome.run, live: false, supersededAt: second.outcome.deployedAt },
    ]);

    const deletedAt = '2026-11-20T12:00:00.000Z';
    await ledger.recordEndpointDeleted('seattle-weather', deletedAt);
    await ledger.recordEndpointDeleted('seattle-weather', deletedAt);
    expect(await ledger.liveDeployment('seattle-weather')).toBeUndefined();
    const third = deployedRun('2026-11-22T09:00:00.000Z', dailyFiles(4));
    await ledger.recordRun(third);
    const [latest, before] = await ledger.deployments('seattle-weather');
    expect(latest).toMatchObject({ run: third.outcome.run, live: true });
    expect(latest).not.toHaveProperty('deletedAt');
    expect(before).toMatchObject({ deletedAt, supersededAt: third.outcome.deployedAt, live: false });
  });

  it('need a verified deployment', async () => {
    const failed = deployedRun('2026-11-23T09:00:00.000Z', dailyFiles(1), {
      ...{ outcome: 'Failed', failureType: 'DeploymentRolledBack', deployedAt: undefined },
    });
    await ledger.recordRun(failed);
    expect(await ledger.deployments('seattle-weather')).toEqual([]);
    expect((await dump(pool))['models']).toHaveLength(1);
  });
});

describe('file versions', () => {
  it('carry the first and last run of a model that trained on them, a row a version', async () => {
    await ledger.recordRun(second);
    await ledger.recordRun(first);
    await ledger.recordRun(idle);
    await ledger.recordRun(deployedRun('2026-11-20T10:00:00.000Z', dailyFiles(1), {}, 'other'));
    const [one, two] = [first.outcome.run, second.outcome.run];
    expect(await ledger.usesOfFile('lake', 'data/train/2012-01-02.csv')).toMatchObject([
      { model: 'seattle-weather', firstRun: one, lastRun: two, size: 40, date: '2012-01-02' },
      { model: 'other', firstRun: 'retrain/other/2026-11-20T10:00:00.000Z' },
    ]);
    expect(await ledger.usesOfFile('lake', 'data/train/2012-01-03.csv')).toMatchObject([
      { etag: '"2012-01-03-a"', firstRun: one, lastRun: one },
      { etag: '"2012-01-03-b"', firstRun: two, lastRun: two },
    ]);
    expect(await ledger.usesOfFile('lake', 'data/train/2020-01-01.csv')).toEqual([]);
    const files = async (run: string) =>
      (await ledger.filesOfRun(run)).map(({ channel, key, date, etag, size }) => ({ channel, key, date, etag, size }));
    expect(await files(one)).toEqual(first.fileRecord.files);
    expect(await files(two)).toEqual(second.fileRecord.files);
    expect(await files(idle.outcome.run)).toEqual([]);
  });

  it('are told apart by version where the bucket keeps versions', async () => {
    const [file] = dailyFiles(1);
    const files = ['v1', 'v2'].map((versionId) => ({ ...(file as NonNullable<typeof file>), versionId }));
    await ledger.recordRun(deployedRun('2026-11-20T09:00:00.000Z', files));
    expect((await ledger.usesOfFile('lake', 'data/train/2012-01-02.csv')).map(({ versionId }) => versionId)).toEqual([
      'v1',
      'v2',
    ]);
  });

  it('become one where a run was indexed under what takes the place of a key', async () => {
    const [plain] = dailyFiles(1);
    const entry = plain as NonNullable<typeof plain>;
    const purged = { ...entry, key: 'purged:x' };
    for (const [day, file] of [purged, entry, purged, entry].entries())
      await ledger.recordRun(deployedRun(`2026-11-2${day}T09:00:00.000Z`, [file]));
    const replacements = [{ key: entry.key, replacement: 'purged:x' }];
    expect(await ledger.replaceKeys('lake', replacements)).toBe(1);
    expect(await ledger.usesOfFile('lake', 'purged:x')).toMatchObject([
      { firstRun: expect.stringContaining('2026-11-20'), lastRun: expect.stringContaining('2026-11-23') },
    ]);
    // Within the span that is there nothing is written, and the row counts all the same.
    await ledger.recordRun(deployedRun('2026-11-21T10:00:00.000Z', [entry]));
    expect(await ledger.replaceKeys('lake', replacements)).toBe(1);
    expect(await ledger.usesOfFile('lake', entry.key)).toEqual([]);
    expect(await ledger.replaceKeys('lake', replacements)).toBe(0);
  });

  it('are written for 100,000 files in seconds, and not again for the same run', async () => {
    const large = deployedRun('2026-11-20T09:00:00.000Z', dailyFiles(100_000));
    const started = Date.now();
    await ledger.recordRun(large);
    expect(Date.now() - started).toBeLessThan(20_000);
    await ledger.recordRun(large);
    const { rows } = await pool.query(
      'SELECT count(*)::int AS count, max(xmin::text::bigint) = min(xmin::text::bigint) AS once FROM file_versions',
    );
    expect(rows).toEqual([{ count: 100_000, once: true }]);
  });
});
