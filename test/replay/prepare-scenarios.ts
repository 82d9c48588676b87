import type { Activities } from '../../contracts/activities.js';
import { raise, script } from '../support/scripted-activities.js';
import { PREPARED } from '../support/scripted-prepare.js';
import { retrain, type Scenario } from './run-scenario.js';

const EARLIER = 'retrain/example/2025-12-31T00:00:00.000Z';
const asOf = '2026-01-01';

/** An earlier run that came to no snapshot; whose publication is there still, or not. */
const withoutSnapshot = (published: boolean): Partial<Activities> => ({
  planResume: async ({ resume }) => ({
    from: 'check data',
    reason: `${resume} came to no snapshot`,
    asOf,
    ...(published && { prepared: { ...PREPARED, by: resume } }),
  }),
  takeUp: async (input) => {
    const { job: _, ...checked } = await script().activities.takeUp(input);
    return checked;
  },
});

/** Paths of a run whose data a warehouse prepares. */
export const PREPARATIONS: Readonly<Record<string, Scenario>> = {
  'retrain-prepared': retrain({ preparing: {}, request: { asOf } }),
  'retrain-prepared-nothing-new': retrain({
    preparing: { publishExport: async () => ({ ...PREPARED, unchanged: true }) },
    overrides: { checkData: async (input) => ({ ...(await script().activities.checkData(input)), news: false }) },
    request: { asOf },
  }),
  'retrain-prepare-check-failed': retrain({
    preparing: { checkWarehouse: async () => Promise.reject(raise('DataInvalid', '1 of 1 checks failed')) },
    request: { asOf },
  }),
  'retrain-prepare-not-taken-back': retrain({
    preparing: {
      publishExport: async () => Promise.reject(raise('KeyUnusable', 'the key is disabled')),
      discardExport: async () => Promise.reject(raise('AccessDenied', 's3:DeleteObjectVersion')),
    },
    request: { asOf },
  }),
  'retrain-cancelled-in-load': retrain({ preparing: {}, cancelPreparing: 'loadWarehouse', request: { asOf } }),
  'retrain-cancelled-in-export': retrain({ preparing: {}, cancelPreparing: 'exportQuery', request: { asOf } }),
  'retrain-cancelled-in-publication': retrain({ preparing: {}, cancelPreparing: 'publishExport', request: { asOf } }),
  'retrain-resumed-with-publication': retrain({
    preparing: {},
    overrides: withoutSnapshot(true),
    request: { resume: EARLIER, asOf },
  }),
  'retrain-resumed-prepared-again': retrain({
    preparing: {},
    overrides: withoutSnapshot(false),
    request: { resume: EARLIER, asOf },
  }),
  'retrain-resumed-after-preparation': retrain({ preparing: {}, request: { resume: EARLIER, asOf } }),
};
