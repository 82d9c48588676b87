import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { InsightWorld } from '../activities/support/insight-world.js';
import type { ClientEnvironment } from './environment.js';
import { clientEnvironment, stubAws } from './environment.js';
import { call } from './terminal.js';

/** The command line over the real activities of compare, report and logs; the rest of a run is scripted. */
export interface InsightSetting {
  readonly at: ClientEnvironment;
  readonly world: InsightWorld;
  /** Applies a model whose bucket is the world's. */
  apply(model: string): Promise<void>;
  close(): Promise<void>;
}

export async function insightSetting(): Promise<InsightSetting> {
  stubAws();
  const [world, at] = await Promise.all([InsightWorld.make(), clientEnvironment()]);
  at.override(realActivities(world));
  return {
    at,
    world,
    async apply(model) {
      const text = `name: ${model}\nrole: arn:aws:iam::000000000000:role/sagemaker\ndata: { bucket: ${world.fixture.bucket} }\ntraining: { algorithm: xgboost }\nwaiting: { poll: 1s }\n`;
      const folder = await mkdtemp(join(tmpdir(), 'perennial-insight-'));
      await writeFile(join(folder, 'model.yaml'), text);
      const { code, err } = await call(at.env, ['apply', folder]);
      await rm(folder, { recursive: true });
      if (code !== 0) throw new Error(err);
    },
    async close() {
      await at.close();
      await world.close();
      vi.unstubAllEnvs();
    },
  };
}

/** Those of compare, report and logs, and the ledger's look at a run. */
export const realActivities = (world: InsightWorld): Parameters<ClientEnvironment['override']>[0] => ({
  ...world.activities,
  showRun: async ({ run }) => ({ run: (await world.ledger.getRun(run))?.outcome }),
  listRuns: async (filter) => ({ runs: await world.ledger.listRuns(filter) }),
});
