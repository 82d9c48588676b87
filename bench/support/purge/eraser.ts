import '../../../worker/heap.js';
import { MockActivityEnvironment } from '@temporalio/testing';
import { hashesWith } from '../../../activities/keyed-hashes.js';
import { createErasureActivities } from '../../../activities/purge/index.js';
import type { PurgeWork } from '../../../contracts/purge/index.js';
import { createAwsClients } from '../../../worker/clients.js';
import type { ErasureStep, StepDone } from './erasure.js';

// A process of its own that runs activities of a purge as a worker does, so that their memory and time are nobody else's: one message a step, one
// answer each.
const key = Buffer.alloc(32, 7);
const { s3 } = createAwsClients({ region: process.env['AWS_REGION'] ?? '' });
const activities = createErasureActivities({ s3, hashes: () => Promise.resolve(hashesWith(key)) });

async function run({ step, work }: { step: ErasureStep; work: PurgeWork }): Promise<StepDone> {
  const environment = new MockActivityEnvironment();
  const started = performance.now();
  const answer =
    step === 'eraseObjects'
      ? await environment.run(activities.eraseObjects, { ...work, leg: 1 })
      : await environment.run<[PurgeWork], unknown, (input: PurgeWork) => Promise<unknown>>(activities[step], work);
  // The kernel's own word, in KiB on Linux and macOS alike (libuv).
  const peakMiB = process.resourceUsage().maxRSS / 1_024;
  return { answer, seconds: (performance.now() - started) / 1_000, peakMiB };
}

process.on('message', (message: { step: ErasureStep; work: PurgeWork }) => {
  run(message).then(
    (done) => process.send?.(done),
    (error: unknown) =>
      process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.send?.('ready');
