import {
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PrepareInput } from '../../contracts/prepare.js';
import { until } from '../support/local.js';
import { failureOf } from './support/local-sagemaker.js';
import { startPrepareWorld, type PrepareWorld } from './support/prepare-world.js';
import { runActivity } from './support/world.js';

let world: PrepareWorld;
beforeAll(async () => {
  world = await startPrepareWorld();
}, 60_000);
afterAll(() => world.stop());

const BEFORE = ['20260101T000000000Z-0000.csv', '20260101T000000000Z-0001.csv'];
const folderOf = (name: string) => `data/${name}/train/2026-01-04/`;
const namesOf = async (name: string) =>
  (await world.keysUnder(folderOf(name))).map((key) => key.slice(folderOf(name).length));

/** A run that has exported, of a date that an earlier run has published. */
async function exportedRun(name: string): Promise<Parameters<PrepareWorld['activities']['publishExport']>[0]> {
  for (const one of BEFORE) await world.fixture.put(`${folderOf(name)}${one}`, '1,1\n');
  const work = world.input({}, { name });
  await runActivity(world.activities.loadWarehouse, work);
  return { ...work, exported: await runActivity(world.activities.exportQuery, work) };
}

/** Publishes until the first call that `dies` picks, which the worker does not survive. */
async function publishUntil(
  work: Parameters<PrepareWorld['activities']['publishExport']>[0],
  dies: (command: object) => boolean,
): Promise<void> {
  const s3 = world.s3Before((command) => {
    if (dies(command)) throw new Error('socket hang up');
  });
  const { type } = await failureOf(runActivity(world.activitiesOver({ s3 }).publishExport, work));
  expect(type).toBe('NetworkError');
}

const isPut = (command: object, end: string) =>
  command instanceof PutObjectCommand && command.input.Key?.endsWith(end) === true;

describe('publishing once more', () => {
  it('after objects of an earlier export went tells what it replaced', async () => {
    const work = await exportedRun('again');
    let removed = 0;
    await publishUntil(work, (command) => command instanceof DeleteObjectCommand && ++removed === 2);
    expect(await namesOf('again')).toContain(BEFORE[1]);
    await publishUntil(work, (command) => isPut(command, 'published.json'));
    expect(await runActivity(world.activities.publishExport, work)).toMatchObject({ replaced: 2, unchanged: false });
    expect((await namesOf('again')).every((name) => name.startsWith('2026011'))).toBe(true);
  });

  it('after all was copied, and nothing went, is no finding of nothing new', async () => {
    const work = await exportedRun('copied');
    await publishUntil(work, (command) => isPut(command, 'replacing.json'));
    expect(await namesOf('copied')).toHaveLength(4);
    expect(await runActivity(world.activities.publishExport, work)).toMatchObject({ replaced: 2, unchanged: false });
  });
});

describe('a run that ends before it has published', () => {
  it('goes back to what was there as long as all of that is there', async () => {
    const work = await exportedRun('back');
    await publishUntil(work, (command) => isPut(command, 'replacing.json'));
    await runActivity(world.activities.discardExport, work);
    expect(await namesOf('back')).toEqual(BEFORE);
  });

  it('stays with its own export once some of that is gone', async () => {
    const work = await exportedRun('forth');
    let removed = 0;
    await publishUntil(work, (command) => command instanceof DeleteObjectCommand && ++removed === 2);
    await runActivity(world.activities.discardExport, work);
    const names = await namesOf('forth');
    expect(names).toHaveLength(2);
    expect(names.some((name) => BEFORE.includes(name))).toBe(false);
    expect((await world.keysUnder('models/forth/')).filter((key) => key.includes('data_'))).toEqual([]);
  });

  it('aborts every upload in flight, page after page', async () => {
    const work = world.input({}, { name: 'uploads' });
    const { fixture } = world;
    const time = work.ref.runTime.replaceAll(/[-:.]/g, '');
    const Prefix = `models/uploads/runs/${time}/export/`;
    for (let index = 0; index < 5; index += 1)
      await fixture.s3.send(
        new CreateMultipartUploadCommand({ Bucket: fixture.bucket, Key: `${Prefix}data_${index}` }),
      );
    // S3 answers a thousand at a time.
    const s3 = world.s3Before((command) => {
      if (command instanceof ListMultipartUploadsCommand) command.input.MaxUploads = 2;
    });
    await runActivity(world.activitiesOver({ s3 }).discardExport, work);
    const { Uploads = [] } = await fixture.s3.send(new ListMultipartUploadsCommand({ Bucket: fixture.bucket, Prefix }));
    expect(Uploads).toEqual([]);
  });
});

describe('a statement', () => {
  /** With a time limit below the least that definitions may have. */
  const within = (work: PrepareInput, timeout: string): PrepareInput => {
    const { prepare } = work.definition;
    if (!prepare) throw new Error('there is nothing to prepare');
    return { ...work, definition: { ...work.definition, prepare: { redshift: { ...prepare.redshift, timeout } } } };
  };

  it('that waits for a lock beyond its time limit fails the run, and says what to look for', async () => {
    const work = within(world.input({}, { name: 'locked' }), '2s');
    await runActivity(world.activities.loadWarehouse, work);
    const other = await world.fixture.session();
    await other.query('BEGIN; LOCK TABLE sales IN ACCESS EXCLUSIVE MODE');
    const failure = await failureOf(runActivity(world.activities.loadWarehouse, work));
    await other.query('ROLLBACK');
    expect(failure).toMatchObject({ type: 'WaitTimedOut', nonRetryable: true });
    expect(failure.message).toMatch(
      /^cluster local, database \w+: load sales failed: the statement was cancelled .*a lock of somebody else/,
    );
  });

  it('is cancelled on the server although its credentials have expired since', async () => {
    const work = world.input(
      { query: { file: 'query.sql', sql: 'SELECT price FROM sales, (SELECT pg_sleep(60)) AS slow' } },
      { name: 'cancelled' },
    );
    await runActivity(world.activities.loadWarehouse, work);
    const { redshift, statements } = world.fixture;
    const own = async () => (await statements()).filter(({ label }) => label.startsWith('perennial/cancelled/'));
    const unload = async () => (await own()).find(({ type }) => type === 'UNLOAD');
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const running = environment.run(world.activities.exportQuery, work).catch((error: unknown) => error);
    await until('the query runs', async () => (await unload())?.status === 'running');
    await fetch(`${redshift.url}/_local/credentials/expire`, { method: 'POST' });
    environment.cancel();
    expect(await running).toBeInstanceOf(CancelledFailure);
    await until('the statement is gone', async () => (await unload())?.status === 'canceled', 5_000);
  });
});
