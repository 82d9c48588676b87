import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErasedLeg, PurgeWork, TargetsSeen } from '../../contracts/purge/index.js';
import { SEARCH_ATTRIBUTES } from '../../contracts/names.js';
import { storageSchema } from '../../contracts/storage/index.js';
import { raise, script } from '../support/scripted-activities.js';
import { NO_ENTRIES, scriptedPurge } from '../support/scripted-purge.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';
import { counted, playPurge, purgeInput } from './purge-play.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const happy = script().activities;
const work = { targetsUri: '' } as PurgeWork;
const withValues = async (): Promise<TargetsSeen> => ({ ...(await happy.inspectTargets(work)), values: 2 });
const lock = { by: 'object lock', entries: 2, until: '2030-01-01T00:00:00.000Z', advice: 'wait' } as const;

describe('a purge', () => {
  it('records, marks, erases, looks again, and forgets its list', async () => {
    const input = purgeInput();
    const { end, calls, events, progress, searchAttributes, historyLength } = await playPurge(env, {}, input);
    expect(end).toMatchObject({
      outcome: 'Purged',
      reason: 'erased 5 versions, 1 delete marker, 4 files on mounts; a new listing finds nothing of the targets',
      request: input.request,
      targets: { objects: 2, prefixes: 1, values: 0 },
      erased: { versions: 5, markers: 1, uploads: 0, bytes: 500, keys: 4 },
      copies: { files: 4, mounts: [{ path: '/mnt/data', files: 4 }] },
      lineage: { live: ['weather'] },
      records: { fileRecords: 2, ledgerRows: 4 },
      retrained: [],
      audit: { sequence: 2 },
      warnings: [],
    });
    expect(calls.slice(0, 4)).toEqual(['declaredStorage', 'inspectTargets', 'recordAudit', 'setTombstones']);
    expect([...calls.slice(4, 7)].sort()).toEqual(['eraseCopies', 'eraseObjects', 'lineageOfTargets']);
    expect([...calls.slice(7, 9)].sort()).toEqual(['verifyCopies', 'verifyObjects']);
    expect([...calls.slice(9, 11)].sort()).toEqual(['redactRecords', 'settleTombstones']);
    expect(calls.slice(11)).toEqual(['recordAudit', 'forgetTargets']);
    expect(events.map(({ kind }) => kind)).toEqual(['requested', 'ended']);
    expect(events[0]).toMatchObject({ by: 'ann', reason: 'erasure request', targets: { hash: 'b'.repeat(64) } });
    expect(events[1]).toMatchObject({ outcome: 'Purged', reportHash: 'a'.repeat(64), remaining: NO_ENTRIES });
    expect(progress).toMatchObject({ stage: 'done', outcome: 'Purged', targets: { objects: 2 } });
    expect(searchAttributes).toMatchObject({ [SEARCH_ATTRIBUTES.outcome]: ['Purged'] });
    expect(historyLength).toBeLessThan(100);
  });

  it('goes leg after leg and round after round until a listing finds nothing', async () => {
    const legs = [false, true, true];
    const remaining = [3, 0];
    const { end, calls, progress } = await playPurge(env, {
      eraseObjects: async ({ leg, ...input }) => ({
        ...((await happy.eraseObjects({ ...input, leg })) satisfies ErasedLeg),
        done: legs[leg - 1] ?? true,
      }),
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { ...NO_ENTRIES, versions: remaining.shift() ?? 0 },
      }),
    });
    expect(end).toMatchObject({ outcome: 'Purged', erased: { versions: 15, keys: 12 }, copies: { files: 8 } });
    expect([counted(calls, 'eraseObjects'), counted(calls, 'verifyObjects')]).toEqual([3, 2]);
    expect(progress.notes).toContain('round 1 left 3 entries of S3; once more');
  });

  it('is never Purged while something is left, and keeps its list then', async () => {
    const { end, calls, events, progress } = await playPurge(env, {
      verifyCopies: async (input) => ({
        ...(await happy.verifyCopies(input)),
        files: 1,
        conflicts: { 'folder in the way': 1 },
      }),
    });
    expect(end).toMatchObject({
      type: 'PurgeIncomplete',
      message: expect.stringContaining('1 file on mounts left after 5 rounds') as string,
    });
    expect([counted(calls, 'eraseCopies'), counted(calls, 'forgetTargets')]).toEqual([5, 0]);
    expect(events.at(-1)).toMatchObject({ kind: 'ended', outcome: 'Failed' });
    expect(progress.warnings).toEqual(['on mounts: 1 × folder in the way']);
  });

  it('ends as Blocked with until-when, and keeps its list', async () => {
    const { end, calls, events } = await playPurge(env, {
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { ...NO_ENTRIES, versions: 2 },
        blocked: [lock],
      }),
    });
    expect(end).toMatchObject({
      outcome: 'Blocked',
      reason: expect.stringContaining('blocked: 2 by object lock until 2030-01-01T00:00:00.000Z') as string,
      blocked: [lock],
    });
    expect([counted(calls, 'verifyObjects'), counted(calls, 'forgetTargets')]).toEqual([1, 0]);
    expect(events.at(-1)).toMatchObject({ outcome: 'Blocked', blocked: [lock] });
  });

  it('ends as Blocked where only trying tells that a right is missing, markers that must stay among them', async () => {
    const denied = { by: 'access denied', entries: 3, advice: 'bucket b: S3 denies it' } as const;
    const left = { ...NO_ENTRIES, versions: 2, markers: 1 };
    const { end, calls } = await playPurge(env, {
      eraseObjects: async (input) => ({ ...(await happy.eraseObjects(input)), blocked: [denied] }),
      verifyObjects: async (input) => ({ ...(await happy.verifyObjects(input)), remaining: left }),
    });
    expect(end).toMatchObject({ outcome: 'Blocked', blocked: [denied], remaining: left });
    expect(counted(calls, 'eraseObjects')).toBe(1);
  });

  it('is Purged where what was refused is gone by the time of the new listing', async () => {
    const denied = { by: 'access denied', entries: 3, advice: 'bucket b: S3 denies it' } as const;
    const { end } = await playPurge(env, {
      eraseObjects: async (input) => ({ ...(await happy.eraseObjects(input)), blocked: [denied] }),
    });
    expect(end).toMatchObject({ outcome: 'Purged', blocked: [] });
  });

  it.each([
    ['report', 1],
    ['purge', 5],
  ] as const)('with uploads: %s tells of what came since, after %i rounds', async (uploads, rounds) => {
    const { end, calls } = await playPurge(
      env,
      { verifyObjects: async (input) => ({ ...(await happy.verifyObjects(input)), later: 1 }) },
      purgeInput({ options: { uploads } }),
    );
    expect(end).toMatchObject({ outcome: 'Reuploaded', later: 1 });
    expect([counted(calls, 'eraseObjects'), counted(calls, 'forgetTargets')]).toEqual([rounds, 1]);
  });

  it('of rows rewrites objects, and sets no tombstone', async () => {
    const left = [4, 0];
    const { end, calls } = await playPurge(
      env,
      {
        inspectTargets: withValues,
        verifyRows: async (input) => ({ ...(await happy.verifyRows(input)), rows: left.shift() ?? 0 }),
      },
      purgeInput({ options: { column: 3 } }),
    );
    expect(end).toMatchObject({
      outcome: 'Purged',
      reason: 'erased 30 rows in 3 objects and 1 object that held nothing else; read once more, the objects hold none',
      rows: { rows: 30, found: 1, versionsErased: 6 },
    });
    expect(calls.filter((name) => /Tombstones|Objects|Copies|redact/.test(name))).toEqual([]);
  });

  it('of rows goes round again for what came meanwhile and can not be searched, and ends as Blocked', async () => {
    const advice = 'bucket b: it is no CSV';
    let searches = 0;
    const { end, calls } = await playPurge(
      env,
      {
        inspectTargets: withValues,
        eraseRows: async (input) => {
          searches += 1;
          const blocked = searches === 1 ? [] : [{ by: 'error', entries: 1, advice } as const];
          return { ...(await happy.eraseRows(input)), blocked };
        },
        verifyRows: async (input) => ({ ...(await happy.verifyRows(input)), unreadable: 1 }),
      },
      purgeInput({ options: { column: 3 } }),
    );
    expect(end).toMatchObject({ outcome: 'Blocked', blocked: [{ advice }] });
    expect(counted(calls, 'verifyRows')).toBe(2);
  });

  it('stops the jobs that read the data before it goes, if asked to', async () => {
    const lineageOfTargets = async () => ({ ...scriptedLineage, runningJobs: ['job-1'], elsewhere: ['R-1'] });
    const scriptedLineage = await scriptedPurge.lineageOfTargets();
    const { calls } = await playPurge(env, { lineageOfTargets }, purgeInput({ options: { stopJobs: true } }));
    expect(calls.indexOf('stopReaders')).toBeGreaterThan(0);
    expect(calls.indexOf('stopReaders')).toBeLessThan(calls.indexOf('eraseObjects'));
    const { progress } = await playPurge(env, { lineageOfTargets });
    expect(progress.warnings).toEqual([
      'request R-1 erased a prefix of the list before, with other targets: its certificate names what saw it',
      'job job-1 reads the data now; with stopJobs it would be stopped',
    ]);
  });

  it('waits for new runs of the live models, and says which failed', async () => {
    const { end, progress } = await playPurge(
      env,
      {
        awaitRetrains: async ({ runs }) => ({
          runs: runs.map((run) => ({ ...run, outcome: 'Rejected', reason: 'rmse 9' })),
        }),
      },
      purgeInput({ options: { retrain: true } }),
    );
    expect(end).toMatchObject({ outcome: 'Purged', retrained: [{ model: 'weather', outcome: 'Rejected' }] });
    expect(progress.warnings[0]).toContain('ended as Rejected, rmse 9: its live model saw the data');
  });

  it('takes the declared storage, and the bucket of the list where none is', async () => {
    const { storage } = storageSchema.parse({ storage: { records: { bucket: 'records' } } });
    const seen: string[] = [];
    const inspectTargets = async (input: PurgeWork) => {
      seen.push(input.storage.records.bucket);
      return happy.inspectTargets(input);
    };
    await playPurge(env, { inspectTargets });
    await playPurge(env, { inspectTargets, declaredStorage: async () => ({ storage }) });
    const given = await playPurge(
      env,
      { inspectTargets },
      purgeInput({ storage: { ...storage, records: { bucket: 'own' } } }),
    );
    expect(seen).toEqual(['bucket', 'records', 'own']);
    expect(given.calls).not.toContain('declaredStorage');
  });

  it('keeps the start that it is given, as a resumed one needs', async () => {
    const since = '2026-01-01T00:00:00.000Z';
    const seen: string[] = [];
    await playPurge(
      env,
      {
        verifyObjects: async (input) => {
          seen.push(input.ref.startedAt);
          return happy.verifyObjects(input);
        },
      },
      purgeInput({ since }),
    );
    expect(seen).toEqual([since]);
  });
});

describe('a purge that goes badly', () => {
  it('refuses a bad input with all its faults, and touches nothing', async () => {
    const { end, calls } = await playPurge(
      env,
      {},
      { ...purgeInput(), request: 'a b', reason: ' ', by: '', targetsUri: 'list', options: { column: 0 } },
    );
    expect(end).toMatchObject({ type: 'InvalidRequest' });
    for (const word of ['request must', 'reason must', 'by must', 'targetsUri must', 'options.column must'])
      expect((end as Error).message).toContain(word);
    expect(calls).toEqual([]);
  });

  it.each([
    ['values and no column', { inspectTargets: withValues }, {}],
    ['a column and no values', {}, { column: 2 }],
  ])('refuses %s', async (_name, overrides, options) => {
    const { end, calls } = await playPurge(env, overrides, purgeInput({ options }));
    expect(end).toMatchObject({ type: 'InvalidRequest' });
    expect(calls).toEqual(['declaredStorage', 'inspectTargets']);
  });

  it('touches nothing before the ledger has the request, however long it is away', async () => {
    let tries = 0;
    const { end, calls } = await playPurge(env, {
      recordAudit: async (input) => {
        tries += 1;
        return tries < 100 ? Promise.reject(raise('LedgerUnavailable', 'down')) : happy.recordAudit(input);
      },
    });
    expect(end).toMatchObject({ outcome: 'Purged' });
    expect(calls.indexOf('setTombstones')).toBe(2 + 100);
  });

  it('records a failure, and what was erased until then', async () => {
    const { end, events, progress } = await playPurge(env, {
      redactRecords: async () => Promise.reject(raise('AccessDenied', 'may not write')),
    });
    expect(end).toMatchObject({ type: 'AccessDenied', message: 'records: may not write' });
    expect(events.at(-1)).toMatchObject({ kind: 'ended', outcome: 'Failed', erased: { versions: 5 } });
    expect(progress).toMatchObject({ stage: 'records', outcome: 'Failed' });
  });

  it('lets the other half finish its work when one fails', async () => {
    const { end, calls, events } = await playPurge(env, {
      lineageOfTargets: async () => Promise.reject(raise('AccessDenied', 'no ledger')),
    });
    expect(end).toMatchObject({ type: 'AccessDenied' });
    expect(counted(calls, 'verifyObjects')).toBe(1);
    expect(events.at(-1)).toMatchObject({ outcome: 'Failed', erased: { versions: 5 } });
  });

  it('is purged although its list cannot be erased, and says so', async () => {
    const { end } = await playPurge(env, {
      forgetTargets: async () => Promise.reject(raise('AccessDenied', 'may not delete')),
    });
    expect(end).toMatchObject({
      outcome: 'Purged',
      warnings: [expect.stringContaining('is still there: may not delete') as string],
    });
  });
});
