import { inject } from 'vitest';
import { keyedHashes } from '../../../activities/keyed-hashes.js';
import { createLineageActivities } from '../../../activities/lineage/index.js';
import { awsClients } from '../../support/aws.js';
import { InsightWorld } from './insight-world.js';

/** Runs with their records, and the activities that tell who used a file. */
export async function lineageWorld() {
  const world = await InsightWorld.make();
  const { s3, ledger, fixture } = world;
  const { ssm } = awsClients(inject('aws').endpoint);
  const hashes = keyedHashes(ssm);
  const activities = createLineageActivities({
    ...{ s3, hashes, sagemaker: fixture.client },
    ledger: async () => ledger,
    declared: async () => [],
  });
  let minutes = 0;
  return {
    ...{ world, hashes, activities },
    /** A minute that no other run has. */
    time: () => new Date(Date.UTC(2026, 1, 1) + 60_000 * minutes++).toISOString(),
    async close() {
      ssm.destroy();
      await world.close();
    },
  };
}

export type LineageWorld = Awaited<ReturnType<typeof lineageWorld>>;
