import type { Activities } from '../../contracts/activities.js';
import type { AuditActivities } from '../../contracts/purge/audit.js';
import type { CopyActivities, EntryCounts, ErasureActivities, RowActivities } from '../../contracts/purge/index.js';
import type { LineageActivities, LineageSummary } from '../../contracts/purge/lineage.js';
import type { RetrainActivities } from '../../contracts/purge/process.js';
import type { RetentionActivities } from '../../contracts/retention.js';
import type { StorageActivities } from '../../contracts/storage/state.js';

type Purging = ErasureActivities &
  CopyActivities &
  RowActivities &
  LineageActivities &
  RetrainActivities &
  AuditActivities &
  StorageActivities &
  RetentionActivities;

/** Nothing of S3. */
export const NO_ENTRIES: EntryCounts = { versions: 0, markers: 0, uploads: 0, bytes: 0 };

const LINEAGE: LineageSummary = {
  runs: 2,
  models: ['weather'],
  live: ['weather'],
  runningJobs: [],
  batchOutputs: 0,
  lineageUri: 's3://bucket/_perennial/purges/lineage.json',
};

const MOUNT = { path: '/mnt/data', backups: 'P35D' };
const REPORT = { reportUri: 's3://bucket/_perennial/purges/report.jsonl', reportHash: 'a'.repeat(64) };

/** What the activities of purges, mirrors and audits answer where all goes well. */
export const scriptedPurge = {
  declaredStorage: async () => ({}),
  reconcileMirror: async ({ storage, mirror }) => ({
    bucket: storage.mirrors[mirror]?.bucket ?? 'none',
    prefix: storage.mirrors[mirror]?.prefix ?? '',
    path: storage.mirrors[mirror]?.path ?? '/none',
    examined: 4,
    copied: 1,
    removed: 1,
    bytes: 100,
    conflicts: {},
  }),
  inspectTargets: async () => ({
    objects: 2,
    prefixes: 1,
    values: 0,
    buckets: [{ bucket: 'bucket', versioning: 'enabled', mfaDelete: false, objectLock: false }],
    hash: 'b'.repeat(64),
  }),
  planObjects: async () => ({ bytes: 2 }),
  planCopies: async () => ({ bytes: 2 }),
  planRows: async () => ({ bytes: 2 }),
  eraseObjects: async () => ({
    versions: 5,
    markers: 1,
    uploads: 0,
    bytes: 500,
    done: true,
    keys: 4,
    blocked: [],
    seconds: 1,
  }),
  verifyObjects: async () => ({ remaining: NO_ENTRIES, later: 0, blocked: [], ...REPORT, pages: 1 }),
  eraseCopies: async () => ({ files: 4, bytes: 400, mounts: [{ ...MOUNT, files: 4 }], conflicts: {} }),
  verifyCopies: async () => ({ files: 0, bytes: 0, mounts: [{ ...MOUNT, files: 0 }], conflicts: {} }),
  eraseRows: async () => ({
    objectsSearched: 10,
    objectsRewritten: 3,
    objectsDeleted: 1,
    rows: 30,
    bytes: 900,
    versionsErased: 3,
    blocked: [],
    values: 2,
    found: 1,
  }),
  verifyRows: async () => ({ rows: 0, objects: 0, unreadable: 0, ...REPORT }),
  forgetTargets: async () => undefined,
  findDue: async () => ({
    steps: { age: { objects: 2, bytes: 200, owners: 0, targetsUri: 's3://bucket/_perennial/targets/age.jsonl' } },
    warnings: [],
  }),
  setApart: async () => ({ copied: 2, bytes: 200 }),
  bringBack: async () => ({ copied: 2, kept: 0 }),
  settleDormancy: async () => ({ apart: 0 }),
  lineageOfFile: async () => ({ bytes: 2 }),
  lineageOfTargets: async () => LINEAGE,
  stopReaders: async ({ jobs }) => ({ stopped: jobs }),
  setTombstones: async () => ({ objects: 2, prefixes: 1 }),
  settleTombstones: async () => undefined,
  liftTombstones: async () => ({ lifted: 2 }),
  redactRecords: async () => ({ fileRecords: 2, manifests: 2, scores: 0, ledgerRows: 4 }),
  recordAudit: async ({ event }) => ({ sequence: event.kind === 'requested' ? 1 : 2, head: 'c'.repeat(64) }),
  verifyAudit: async () => ({ rows: 2, heads: 2, faults: [], unanchored: 0, notes: [] }),
  verifyCertificate: async () => ({ rows: 0, heads: 0, faults: [], unanchored: 0, notes: [] }),
  certify: async () => ({ bytes: 2 }),
  findErased: async () => ({ bytes: 2 }),
  requestRetrains: async ({ models }) => ({
    runs: models.map((model) => ({ model, run: `retrain/${model}/2026-01-01T00:00:00.000Z` })),
  }),
  awaitRetrains: async ({ runs }) => ({
    runs: runs.map((run) => ({ ...run, outcome: 'Deployed', reason: 'rmse 1' })),
  }),
} satisfies Purging & Partial<Activities>;
