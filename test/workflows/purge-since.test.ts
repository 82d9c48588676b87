import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PurgeWork } from '../../contracts/purge/index.js';
import { raise, script } from '../support/scripted-activities.js';
import { timeSkippingEnvironment } from '../support/time-skipping.js';
import { counted, playPurge, purgeInput } from './purge-play.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await timeSkippingEnvironment();
});
afterAll(() => env.teardown());

const happy = script().activities;

describe('a purge', () => {
  it('tells of uploads that go on also where only a mount still has their copy', async () => {
    const { end } = await playPurge(
      env,
      { verifyCopies: async (input) => ({ ...(await happy.verifyCopies(input)), later: 2 }) },
      purgeInput({ options: { uploads: 'purge' } }),
    );
    expect(end).toMatchObject({
      outcome: 'Reuploaded',
      later: 2,
      reason: expect.stringContaining('uploads go on: stop them') as string,
    });
  });

  it('ends as Blocked where uploads since are to go too, and may not', async () => {
    const denied = { by: 'access denied', entries: 2, advice: 'bucket b: S3 denies it' } as const;
    const { end, calls } = await playPurge(
      env,
      {
        eraseObjects: async (input) => ({ ...(await happy.eraseObjects(input)), blocked: [denied] }),
        verifyObjects: async (input) => ({ ...(await happy.verifyObjects(input)), later: 2 }),
      },
      purgeInput({ options: { uploads: 'purge' } }),
    );
    expect(end).toMatchObject({ outcome: 'Blocked', blocked: [denied] });
    expect(counted(calls, 'eraseObjects')).toBe(1);
  });

  it('gives the hash of the inspected list to whatever works it off, and fails where it is another', async () => {
    const seen: unknown[] = [];
    const note = (input: PurgeWork) => void seen.push(input.targetsHash);
    const { events } = await playPurge(
      env,
      {
        inspectTargets: async (input) => (note(input), happy.inspectTargets(input)),
        setTombstones: async (input) => (note(input), happy.setTombstones(input)),
        eraseObjects: async (input) => (note(input), happy.eraseObjects(input)),
        eraseCopies: async (input) => (note(input), happy.eraseCopies(input)),
        verifyObjects: async (input) => (note(input), happy.verifyObjects(input)),
        verifyCopies: async (input) => (note(input), happy.verifyCopies(input)),
        redactRecords: async (input) => (note(input), happy.redactRecords(input)),
      },
      purgeInput({ targetsHash: 'given' }),
    );
    expect(events[0]).toMatchObject({ targets: { hash: 'b'.repeat(64) } });
    expect(seen).toEqual(['given', ...Array<string>(6).fill('b'.repeat(64))]);
    const { end } = await playPurge(env, {
      eraseObjects: async () => Promise.reject(raise('RecordConflict', 'another list')),
    });
    expect(end).toMatchObject({ type: 'RecordConflict', message: 'erase: another list' });
  });
});
