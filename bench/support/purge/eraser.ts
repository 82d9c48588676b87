import '../../../worker/heap.js';
import { MockActivityEnvironment } from '@temporalio/testing';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { createErasureActivities } from '../../../activities/purge/index.js';
import type { PurgeWork } from '../../../contracts/purge/index.js';
import { createAwsClients } from '../../../worker/clients.js';
import { peakMiB, takeWork } from '../take-work.js';
import type { ErasureWork, StepDone } from './erasure.js';

// A process of its own that runs activities of a purge as a worker does.
const key = Buffer.alloc(32, 7);
const { s3 } = createAwsClients({ region: process.env['AWS_REGION'] ?? '' });
const activities = createErasureActivities({ s3, hashes: () => Promise.resolve(hashesWith(key)) });

async function run({ step, work }: ErasureWork): Promise<StepDone> {
  const environment = new MockActivityEnvironment();
  const started = performance.now();
  const answer =
    step === 'eraseObjects'
      ? await environment.run(activities.eraseObjects, { ...work, leg: 1 })
      : await environment.run<[PurgeWork], unknown, (input: PurgeWork) => Promise<unknown>>(activities[step], work);
  return { answer, seconds: (performance.now() - started) / 1_000, peakMiB: peakMiB() };
}

takeWork(run);
