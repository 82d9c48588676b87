import { CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { devServerEnvironment } from '../support/dev-server.js';
import { raise, script } from '../support/scripted-activities.js';
import { counted, playPurge, purgeInput } from './purge-play.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

const happy = script().activities;

describe('a purge that is cancelled', () => {
  it('waits until the erasing has stopped, records its end, and keeps its list', async () => {
    let erasing = false;
    let stopped = false;
    const { end, events, calls, progress } = await playPurge(
      env,
      {
        // Answers after the cancel, as a leg does that finishes its batch.
        eraseObjects: async (input) => {
          erasing = true;
          await vi.waitUntil(() => stopped, { timeout: 30_000 });
          return happy.eraseObjects(input);
        },
      },
      purgeInput(),
      async (handle) => {
        await vi.waitUntil(() => erasing, { timeout: 30_000 });
        await handle.cancel();
        stopped = true;
      },
    );
    expect(end).toBeInstanceOf(CancelledFailure);
    expect(events.at(-1)).toMatchObject({ kind: 'ended', outcome: 'Cancelled', erased: { versions: 5 } });
    expect([counted(calls, 'verifyObjects'), counted(calls, 'forgetTargets')]).toEqual([0, 0]);
    expect(progress).toMatchObject({ stage: 'erase', outcome: 'Cancelled' });
  });

  it('ends soon although the ledger is away, as nothing was touched', async () => {
    let asked = 0;
    const { end, progress, calls } = await playPurge(
      env,
      {
        recordAudit: async () => {
          asked += 1;
          throw raise('LedgerUnavailable', 'the ledger is away');
        },
      },
      purgeInput(),
      async (handle) => {
        await vi.waitUntil(() => asked > 0, { timeout: 30_000 });
        await handle.cancel();
      },
    );
    expect(end).toBeInstanceOf(CancelledFailure);
    expect(progress.warnings[0]).toContain('the ledger did not record this end');
    expect(calls).not.toContain('setTombstones');
  });
});
