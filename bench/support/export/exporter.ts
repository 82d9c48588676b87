import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import { createPrepareActivities } from '../../../activities/prepare/index.js';
import { createAwsClients } from '../../../worker/clients.js';
import { peakMiB, takeWork } from '../take-work.js';
import type { ExporterDone, ExporterWork } from './exporting.js';

// A process of its own that exports as a worker does, or copies as `pg` does.
const clients = createAwsClients({ region: process.env['AWS_REGION'] ?? '' });
const activities = createPrepareActivities({ ...clients, hashes: keyedHashes(clients.ssm) });

const works: { [Kind in ExporterWork['kind']]: (work: Extract<ExporterWork, { kind: Kind }>) => Promise<unknown> } = {
  exportQuery: ({ input }) => new MockActivityEnvironment().run(activities.exportQuery, input),
  publishExport: ({ input }) => new MockActivityEnvironment().run(activities.publishExport, input),
  copyToFile: async ({ url, sql, file }) => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      const source = client.query(copyTo(`COPY (${sql}) TO STDOUT (FORMAT csv)`));
      await pipeline(source, createWriteStream(file));
      return { rows: source.rowCount };
    } finally {
      await client.end();
    }
  },
};

async function run(work: ExporterWork): Promise<ExporterDone> {
  // As the worker does, and as a program that only copies would not.
  if (work.kind !== 'copyToFile') await import('../../../worker/heap.js');
  const before = process.cpuUsage();
  const started = performance.now();
  const answer = await (works[work.kind] as (work: ExporterWork) => Promise<unknown>)(work);
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(before);
  return { answer, seconds, cpuSeconds: (user + system) / 1_000_000, peakMiB: peakMiB() };
}

takeWork(run);
