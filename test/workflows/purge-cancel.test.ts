import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { devServerEnvironment } from '../support/dev-server.js';
import { raise, script } from '../support/scripted-activities.js';
import { startS3Proxy } from '../activities/support/s3-proxy.js';
import { PurgeWorld } from '../activities/support/purge-world.js';
import { AWS } from '../activities/support/world.js';
import { counted, playPurge, purgeInput } from './purge-play.js';

let env: TestWorkflowEnvironment;
beforeAll(async () => {
  env = await devServerEnvironment();
});
afterAll(() => env.teardown());

const happy = script().activities;

/** Each takes half a second to abort. */
const UPLOADS = 60;

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

  it('has in its record all that a real worker erased until it stopped', async () => {
    let aborted = 0;
    const proxy = await startS3Proxy(AWS.endpoint, async ({ method }) => {
      if (method === 'DELETE') await sleep((aborted += 1) && 500);
      return undefined;
    });
    const world = await PurgeWorld.make('enabled', { endpoint: proxy.endpoint });
    try {
      for (let upload = 0; upload < UPLOADS; upload += 1) await world.upload(`p/${upload}`);
      const { targetsUri, storage } = await world.work([{ prefix: 'p/' }]);
      const { inspectTargets, eraseObjects } = world.activities;
      const since = new Date(Date.now() + 2_000).toISOString();
      const { end, events } = await playPurge(
        env,
        { inspectTargets, eraseObjects },
        purgeInput({ targetsUri, storage, since }),
        async (handle) => {
          await vi.waitUntil(() => aborted > 2, { timeout: 60_000 });
          await handle.cancel();
        },
      );
      expect(end).toBeInstanceOf(CancelledFailure);
      const left = await world.uploadsLeft();
      expect(left).toBeGreaterThan(0);
      const last = events.at(-1);
      expect(last).toMatchObject({ kind: 'ended', outcome: 'Cancelled', erased: { uploads: UPLOADS - left } });
    } finally {
      world.close();
      await proxy.close();
    }
  }, 120_000);

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
