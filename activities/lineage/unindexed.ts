import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import { deploymentName, fileRecordKey, outcomeKey, parseRunId, s3Uri } from '../../contracts/names.js';
import type { FileRecord, OutcomeObject } from '../../contracts/records.js';
import type { Ledger, Served, UsingRun } from '../../ledger/store.js';
import { readRecord } from '../s3/records.js';
import { trainingsOf } from './jobs.js';
import { type Source, unindexedTimes } from './sources.js';

/** Records read at the same time. */
export const READERS = 16;

const UNFINISHED = 'Unfinished';

/** How a run ended; `Unfinished` where it left no outcome: it goes on, or was cut off. */
export type SeenRun = Omit<UsingRun, 'outcome'> & {
  readonly outcome: string;
  /** What it deployed, where the ledger has not heard of it. */
  readonly deployed?: Served;
};

/** Runs that came to a file record, and that the ledger does not have. */
export async function unindexedRuns(
  deps: { readonly s3: S3Client; readonly ledger: Ledger },
  sources: readonly Source[],
): Promise<SeenRun[]> {
  const found: SeenRun[] = [];
  for (const source of sources) {
    const times = await unindexedTimes(deps.s3, deps.ledger, source);
    const runs = await pLimit(READERS).map(times, (time) => unindexedRun(deps.s3, source, time));
    found.push(...runs.filter((run) => run !== undefined));
  }
  return found;
}

async function unindexedRun(
  s3: S3Client,
  { model, bucket, output }: Source,
  time: string,
): Promise<SeenRun | undefined> {
  heartbeat();
  const key = fileRecordKey(output, time);
  const [record, outcome] = await Promise.all([
    readRecord<FileRecord>(s3, bucket, key),
    readRecord<OutcomeObject>(s3, bucket, outcomeKey(output, time)),
  ]);
  // Two models may leave their records in one place.
  if (record?.record.model !== model) return undefined;
  const seen = { run: record.record.run, model, fileRecordUri: s3Uri(bucket, key) };
  if (outcome) {
    const { trainingJob, modelName, artifactUri, endpoint, endpointConfig, deployedAt } = outcome.record;
    const deployed =
      endpoint !== undefined && endpointConfig !== undefined && deployedAt !== undefined
        ? { endpoint, endpointConfig, run: seen.run, model, deployedAt, live: true, ...(modelName && { modelName }) }
        : undefined;
    return {
      ...seen,
      ...(deployed && { deployed }),
      outcome: outcome.record.outcome,
      ...(trainingJob !== undefined && { trainingJob }),
      ...(modelName !== undefined && { modelName }),
      ...(artifactUri !== undefined && { artifactUri }),
    };
  }
  return { ...seen, outcome: UNFINISHED };
}

/** The training job and model of a run that left no outcome: they are named by its time. */
export async function withJob(sagemaker: SageMakerClient, run: SeenRun, { resumes }: FileRecord): Promise<SeenRun> {
  const made = run.outcome === UNFINISHED ? parseRunId(run.run) : undefined;
  if (!made) return run;
  // A run that takes up another goes on with the job of that one.
  const earlier = resumes === undefined ? undefined : parseRunId(resumes);
  const trainingJob =
    (await trainingsOf(sagemaker, made)).at(-1) ?? (earlier && (await trainingsOf(sagemaker, earlier)).at(-1));
  return trainingJob === undefined ? run : { ...run, trainingJob, modelName: deploymentName(made.model, made.time) };
}
