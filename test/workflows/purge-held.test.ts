import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { raise, script } from '../support/scripted-activities.js';
import { NO_ENTRIES } from '../support/scripted-purge.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';
import { counted, playPurge, purgeInput } from './purge-play.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const happy = script().activities;

describe('content that stays on a mount without a name of the mirror', () => {
  it('under other links keeps a purge from ending as Purged', async () => {
    const { end, calls, events } = await playPurge(env, {
      eraseCopies: async (input) => ({
        ...(await happy.eraseCopies(input)),
        conflicts: { 'file with other links': 2 },
      }),
    });
    expect(end).toMatchObject({
      outcome: 'Blocked',
      blocked: [{ by: 'error', entries: 2, advice: expect.stringContaining('hard links') as string }],
      copies: { conflicts: { 'file with other links': 2 } },
    });
    expect([counted(calls, 'eraseCopies'), counted(calls, 'forgetTargets')]).toEqual([1, 0]);
    expect(events.at(-1)).toMatchObject({ outcome: 'Blocked', blocked: [{ entries: 2 }] });
  });

  it.each(['objects', 'rows'] as const)(
    'under other links of %s that an earlier execution unlinked is not forgotten, until somebody says it is gone',
    async (kind) => {
      const advice = 'on mounts: 2 × file with other links: they had further names';
      const overrides: Partial<Activities> =
        kind === 'objects'
          ? {
              eraseCopies: async (input) => ({
                ...(await happy.eraseCopies(input)),
                conflicts: { 'file with other links': 2 },
              }),
            }
          : {
              inspectTargets: async (input) => ({ ...(await happy.inspectTargets(input)), values: 2 }),
              eraseRows: async (input) => ({
                ...(await happy.eraseRows(input)),
                blocked: [{ by: 'error', entries: 2, advice }],
              }),
            };
      const options = kind === 'rows' ? { column: 3 } : {};
      const first = await playPurge(env, overrides, purgeInput({ options, links: 3 }));
      expect(first.end).toMatchObject({ outcome: 'Blocked', blocked: [{ by: 'error', entries: 5 }] });
      expect(first.progress).toMatchObject({ links: 5 });
      const none = kind === 'rows' && { inspectTargets: overrides.inspectTargets };
      const again = await playPurge(env, { ...none } as typeof overrides, purgeInput({ options, links: 5 }));
      expect(again.end).toMatchObject({ outcome: 'Blocked', blocked: [{ entries: 5 }] });
      expect(again.events[0]).not.toHaveProperty('linksRemoved');
      const said = await playPurge(
        env,
        { ...none } as typeof overrides,
        purgeInput({ options, links: 5, linksRemoved: true }),
      );
      expect(said.end).toMatchObject({ outcome: 'Purged', blocked: [] });
      expect(said.events[0]).toMatchObject({ kind: 'requested', linksRemoved: 5 });
      expect(said.progress).not.toHaveProperty('links');
    },
  );

  it('is known of an execution that failed, too', async () => {
    const { end, progress } = await playPurge(env, {
      eraseCopies: async (input) => ({
        ...(await happy.eraseCopies(input)),
        conflicts: { 'file with other links': 2 },
      }),
      verifyObjects: async () => Promise.reject(raise('AccessDenied', 'denied')),
    });
    expect(end).toMatchObject({ type: 'AccessDenied' });
    expect(progress).toMatchObject({ outcome: 'Failed', links: 2 });
  });

  it.each([
    ['is waited for', [1, 1, 0], 'Purged', 3],
    ['and never closed keeps a purge from ending as Purged', [1, 1, 1, 1, 1], 'Blocked', 5],
  ] as const)('in a deleted file that is open %s', async (_, open, outcome, rounds) => {
    const left: number[] = [...open];
    const { end, calls } = await playPurge(env, {
      verifyCopies: async (input) => {
        const count = left.shift() ?? 0;
        const conflicts: Record<string, number> = count > 0 ? { 'deleted file that is still open': count } : {};
        return { ...(await happy.verifyCopies(input)), conflicts };
      },
    });
    const blocked = outcome === 'Blocked' ? [{ by: 'error', entries: 1 }] : [];
    expect(end).toMatchObject({ outcome, blocked, warnings: [] });
    expect(counted(calls, 'verifyCopies')).toBe(rounds);
  });
});

describe('rows that stay on a mount', () => {
  const values: Partial<Activities> = {
    inspectTargets: async (input) => ({ ...(await happy.inspectTargets(input)), values: 2 }),
  };
  const rows = purgeInput({ options: { column: 3 } });
  const MOUNT = { path: '/mnt/data', backups: 'P35D' };

  it.each([
    ['go in another round', [2, 0], 'Purged', 2],
    ['keep a purge from ending as Purged', [1, 1, 1, 1, 1], 'PurgeIncomplete', 5],
  ] as const)('in files of the mirror %s', async (_, left, ends, rounds) => {
    const files: number[] = [...left];
    const { end, calls, events } = await playPurge(
      env,
      {
        ...values,
        eraseRows: async (input) => ({
          ...(await happy.eraseRows(input)),
          copies: { files: 1, bytes: 10, mounts: [{ ...MOUNT, files: 1 }], conflicts: {} },
        }),
        verifyRows: async (input) => {
          const count = files.shift() ?? 0;
          const copies = { files: count, bytes: 1, mounts: [{ ...MOUNT, files: count }], conflicts: {} };
          return { ...(await happy.verifyRows(input)), copies };
        },
      },
      { ...rows, request: `rows-${rounds}` },
    );
    expect(end).toMatchObject(ends === 'Purged' ? { outcome: ends } : { type: ends });
    expect([counted(calls, 'eraseRows'), counted(calls, 'verifyRows')]).toEqual([rounds, rounds]);
    // Backups of the mount keep them: the record names it.
    expect(events.at(-1)).toMatchObject({ copies: { files: rounds, mounts: [{ ...MOUNT, files: rounds }] } });
  });

  it.each([
    ['are waited for', [1, 0], 'Purged', 2],
    ['and are never closed keep it from ending as Purged', [1, 1, 1, 1, 1], 'Blocked', 5],
  ] as const)('in deleted files that are open %s', async (_, open, outcome, rounds) => {
    const left: number[] = [...open];
    const { end, calls } = await playPurge(
      env,
      {
        ...values,
        verifyRows: async (input) => {
          const count = left.shift() ?? 0;
          const conflicts: Record<string, number> = {
            'folder in the place of a file': 1,
            ...(count > 0 && { 'deleted file that is still open': count }),
          };
          const copies = { files: 0, bytes: 0, mounts: [{ ...MOUNT, files: 0 }], conflicts };
          return { ...(await happy.verifyRows(input)), copies };
        },
      },
      { ...rows, request: `open-${rounds}` },
    );
    const blocked = outcome === 'Blocked' ? [{ by: 'error', entries: 1 }] : [];
    expect(end).toMatchObject({ outcome, blocked, warnings: ['on mounts: 1 × folder in the place of a file'] });
    expect(counted(calls, 'verifyRows')).toBe(rounds);
  });
});

describe('the end of a purge', () => {
  it.each([
    [
      'can not be asked for',
      { requestRetrains: async () => Promise.reject(raise('InvalidRequest', 'refused')) },
      /refused/,
    ],
    ['can not be looked at', { awaitRetrains: async () => Promise.reject(raise('AccessDenied', 'denied')) }, /denied/],
  ] as const)('is that the data is gone although new runs %s', async (_, overrides, words) => {
    const { end, calls, events } = await playPurge(env, overrides, purgeInput({ options: { retrain: true } }));
    expect(end).toMatchObject({ outcome: 'Purged', warnings: [expect.stringMatching(words) as string] });
    expect(counted(calls, 'forgetTargets')).toBe(1);
    expect(events.at(-1)).toMatchObject({ outcome: 'Purged' });
  });

  it('is recorded without the report of a look before, which a broken off one has written over', async () => {
    let round = 0;
    const { end, events } = await playPurge(env, {
      verifyObjects: async (input) => ({
        ...(await happy.verifyObjects(input)),
        remaining: { ...NO_ENTRIES, versions: 1 },
        reportHash: String((round += 1)).repeat(64),
      }),
      verifyCopies: async (input) =>
        round > 1 ? Promise.reject(raise('ResourceMissing', 'nothing is mounted')) : happy.verifyCopies(input),
    });
    expect(end).toMatchObject({ type: 'ResourceMissing' });
    expect(events.at(-1)).toMatchObject({ kind: 'ended', outcome: 'Failed' });
    expect(events.at(-1)).not.toHaveProperty('reportHash');
  });
});
