import { vi } from 'vitest';
import type { Activities } from '../../contracts/activities.js';
import { purgeId, type PurgeInput } from '../../contracts/purge/index.js';
import { WORKFLOWS } from '../../contracts/runs.js';
import { raise, script } from '../support/scripted-activities.js';
import { NO_ENTRIES } from '../support/scripted-purge.js';
import { withWorker } from '../support/time-skipping.js';
import type { Scenario } from './run-scenario.js';

const happy = script().activities;

/** A purge to its end; cancelled while its objects are erased where `cancelled` says so. */
function purge(
  request: string,
  overrides: Partial<Activities>,
  { cancelled = false, ...given }: Partial<PurgeInput> & { readonly cancelled?: boolean } = {},
): Scenario {
  return ({ skipping, live }) => {
    const env = cancelled ? live : skipping;
    const running: Partial<Activities> = {
      eraseObjects: async () => Promise.reject(raise('Throttled', 'slow down', '60s')),
    };
    const scripted = script({ ...overrides, ...(cancelled ? running : {}) });
    const input: PurgeInput = {
      request,
      reason: 'erasure request',
      by: 'ann',
      targetsUri: 's3://bucket/_perennial/targets/list.jsonl',
      options: {},
      ...given,
    };
    return withWorker(env, scripted.activities, async (taskQueue) => {
      const handle = await env.client.workflow.start(WORKFLOWS.purge, {
        taskQueue,
        workflowId: purgeId(request),
        args: [input],
      });
      if (cancelled) {
        await vi.waitUntil(() => scripted.count('eraseObjects') > 0, { timeout: 30_000 });
        await handle.cancel();
      }
      await handle.result().catch(() => undefined);
      return handle;
    });
  };
}

const values: Partial<Activities> = {
  inspectTargets: async (input) => ({ ...(await happy.inspectTargets(input)), values: 2 }),
};
const reading: Partial<Activities> = {
  lineageOfTargets: async (input) => ({ ...(await happy.lineageOfTargets(input)), runningJobs: ['job-1'] }),
};

/** The first look finds something, the second nothing. */
function twoRounds(): Partial<Activities> {
  let looks = 0;
  return {
    verifyObjects: async (input) => {
      looks += 1;
      return { ...(await happy.verifyObjects(input)), remaining: { ...NO_ENTRIES, versions: looks === 1 ? 3 : 0 } };
    },
  };
}

/** Some of what went on the mounts had other names, which no path leads to. */
const linked: Partial<Activities> = {
  eraseCopies: async (input) => ({
    ...(await happy.eraseCopies(input)),
    conflicts: { 'file with other links': 2 },
  }),
};
/** The same among files with rows of a person. */
const linkedRows: Partial<Activities> = {
  ...values,
  eraseRows: async (input) => ({
    ...(await happy.eraseRows(input)),
    blocked: [{ by: 'error', entries: 2, advice: 'on mounts: 2 × file with other links: they had further names' }],
  }),
};
/** The first leg died once: no less than its counts are gone. */
const atLeast: Partial<Activities> = {
  eraseObjects: async (input) => ({
    ...(await happy.eraseObjects(input)),
    ...(input.leg === 1 && ({ done: false, atLeast: true } as const)),
  }),
};

/** Paths of a purge. */
export const PURGES: Readonly<Record<string, Scenario>> = {
  'purge-purged': purge('purged', {}),
  'purge-second-round': purge('second-round', twoRounds()),
  'purge-rows': purge('rows', values, { options: { column: 3 } }),
  'purge-retrained': purge('retrained', reading, { options: { stopJobs: true, retrain: true } }),
  'purge-blocked': purge('blocked', {
    verifyObjects: async (input) => ({
      ...(await happy.verifyObjects(input)),
      remaining: { ...NO_ENTRIES, versions: 2 },
      blocked: [{ by: 'object lock', entries: 2, until: '2030-01-01T00:00:00.000Z', advice: 'wait' }],
    }),
  }),
  'purge-incomplete': purge('incomplete', {
    verifyCopies: async (input) => ({ ...(await happy.verifyCopies(input)), files: 1 }),
  }),
  'purge-refused': purge('refused', {}, { options: { column: 3 } }),
  'purge-links': purge('links', linked),
  'purge-links-rows': purge('links-rows', linkedRows, { options: { column: 3 }, links: 3 }),
  'purge-links-before': purge('links-before', {}, { links: 5, since: '2026-01-01T00:00:00.000Z' }),
  'purge-links-removed': purge('links-removed', {}, { links: 5, linksRemoved: true }),
  'purge-at-least': purge('at-least', atLeast),
  'purge-leg-failed': purge('leg-failed', {
    eraseObjects: async (input) => {
      if (input.leg === 2) throw raise('AccessDenied', 'denied');
      return { ...(await happy.eraseObjects(input)), done: false };
    },
  }),
  'purge-reuploaded': purge(
    'reuploaded',
    { verifyObjects: async (input) => ({ ...(await happy.verifyObjects(input)), later: 1 }) },
    { options: { uploads: 'purge' } },
  ),
  'purge-cancelled': purge('cancelled', {}, { cancelled: true }),
};
