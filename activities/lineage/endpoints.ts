import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { ApplicationFailure } from '@temporalio/common';
import type { LineageEndpoint } from '../../contracts/purge/lineage.js';
import type { Ledger, Served } from '../../ledger/store.js';
import { describeEndpoint } from '../endpoint/standing.js';
import { missingAsUndefined } from '../errors.js';
import { describeConfig } from '../evaluation/live.js';
import { asked } from './matcher.js';
import { grouped } from './places.js';
import type { SeenRun } from './unindexed.js';

interface Serving {
  readonly endpoint: string;
  readonly config: string;
  readonly modelNames: readonly string[];
  readonly since: string;
}

export interface EndpointsSeen {
  /** Live ones first. */
  readonly endpoints: readonly LineageEndpoint[];
  /** Definitions whose live SageMaker model is one of them. */
  readonly live: readonly string[];
  readonly warnings: readonly string[];
}

/** Where the models of runs that trained on a target served, and serve: the ledger tells of the past, SageMaker of now. */
export async function endpointsOf(
  sagemaker: SageMakerClient,
  ledger: Ledger,
  trained: readonly SeenRun[],
): Promise<EndpointsSeen> {
  const makers = new Map(
    trained.flatMap((run) => (run.modelName === undefined ? [] : [[run.modelName, run] as const])),
  );
  const runs = new Set(trained.map(({ run }) => run));
  const indexed = await asked(() => ledger.servedBy({ runs: [...runs], modelNames: [...makers.keys()] }));
  const served = [...trained.flatMap(({ deployed }) => deployed ?? []), ...indexed].sort((a, b) =>
    a.deployedAt < b.deployedAt ? 1 : -1,
  );
  const isOurs = ({ run, modelName }: Served) => (modelName === undefined ? runs.has(run) : makers.has(modelName));
  const endpoints: LineageEndpoint[] = [];
  const live = new Set<string>();
  const warnings: string[] = [];
  for (const [endpoint, rows] of grouped(served, (row) => row.endpoint)) {
    const serving = await servingNow(sagemaker, endpoint, warnings);
    // Without a word of SageMaker's the ledger's holds.
    const isLive = (row: Served) => (serving === 'unknown' ? row.live : row.endpointConfig === serving?.config);
    const ours = rows.filter(isOurs);
    // A config that was served before is live once only: newest first.
    const liveRow = ours.find(isLive);
    if (liveRow) live.add(liveRow.model);
    for (const row of ours) endpoints.push(lineageEndpoint(row, row === liveRow));
    const stray =
      serving === 'unknown' || rows.some((row) => row.endpointConfig === serving?.config) ? undefined : serving;
    for (const modelName of stray?.modelNames ?? []) {
      const maker = makers.get(modelName);
      if (!maker || !stray) continue;
      live.add(maker.model);
      endpoints.push({
        endpoint,
        endpointConfig: stray.config,
        modelName,
        run: maker.run,
        deployedAt: stray.since,
        live: true,
      });
      warnings.push(
        `endpoint ${endpoint} serves with config ${stray.config}, which no run is recorded to have deployed`,
      );
    }
  }
  return { endpoints: endpoints.sort((a, b) => Number(b.live) - Number(a.live)), live: [...live].sort(), warnings };
}

const lineageEndpoint = (
  { endpoint, endpointConfig, modelName, run, deployedAt }: Served,
  live: boolean,
): LineageEndpoint => ({
  endpoint,
  endpointConfig,
  ...(modelName !== undefined && { modelName }),
  run,
  deployedAt,
  live,
});

/** What an endpoint serves with; undefined where it is gone or serves nothing, `unknown` where SageMaker doesn't say. */
async function servingNow(
  sagemaker: SageMakerClient,
  endpoint: string,
  warnings: string[],
): Promise<Serving | undefined | 'unknown'> {
  try {
    const standing = await describeEndpoint(sagemaker, endpoint);
    if (!standing || ['Creating', 'Deleting', 'Failed', 'OutOfService'].includes(standing.EndpointStatus ?? ''))
      return undefined;
    const config = standing.EndpointConfigName ?? '';
    const found = await missingAsUndefined(() => describeConfig(sagemaker, config));
    const modelNames = (found?.ProductionVariants ?? []).flatMap(({ ModelName }) => ModelName ?? []);
    return { endpoint, config, modelNames, since: (standing.LastModifiedTime ?? new Date(0)).toISOString() };
  } catch (error) {
    if (!(error instanceof ApplicationFailure) || !error.nonRetryable) throw error;
    warnings.push(`what endpoint ${endpoint} serves now is as the ledger has it: ${error.message}`);
    return 'unknown';
  }
}
