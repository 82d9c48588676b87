import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { Definition } from '../../contracts/definition/index.js';
import { fileRecordKey, outcomeKey, parseRunId, s3Uri } from '../../contracts/names.js';
import type { FileRecord, OutcomeObject } from '../../contracts/records.js';
import { fail } from '../errors.js';
import { progressOf, statusOfRun } from '../runs.js';
import { readRecord } from '../s3/records.js';
import { type UsableJob, usableJob } from './job.js';

/** Runs that take up one another, at most; more of them is a ring or a record that somebody edited. */
const LONGEST_CHAIN = 50;

export interface LookBackDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
}

/** What an earlier run, or those that it took up in its turn, came to. */
export interface Earlier {
  /** The run whose snapshot this is, at the beginning of the chain. */
  readonly runTime: string;
  readonly asOf?: string;
  /** Asked to leave the endpoint alone, and without a model so far. */
  readonly noDeploy?: boolean;
  readonly record?: FileRecord;
  readonly usable?: UsableJob;
  /** Times of the runs that came to no snapshot and no job, the newest first. */
  readonly runTimes: readonly string[];
}

/**
 * What can be gone on with of a run that failed, was cancelled or terminated, or trained without deploying. Its outcome object and file
 * record are the sources; one that was terminated has no outcome, and is known by the names that derive from it.
 */
export async function lookBack(deps: LookBackDeps, definition: Definition, run: string, depth = 0): Promise<Earlier> {
  const { kind, model, time = '' } = parseRunId(run) ?? {};
  if (kind !== 'retrain' || model !== definition.name || depth > LONGEST_CHAIN) {
    throw refusal(
      run,
      `is no run of model ${definition.name}: \`perennial runs --model ${definition.name}\` lists them`,
    );
  }
  const { bucket, output } = definition.data;
  const outcome = (await readRecord<OutcomeObject>(deps.s3, bucket, outcomeKey(output, time)))?.record;
  // What another run has taken up already was over then.
  if (depth === 0) await (outcome ? assertUnfinished(run, outcome) : assertCutOff(run, s3Uri(bucket, output)));
  const [record, own] = await Promise.all([
    readRecord<FileRecord>(deps.s3, bucket, fileRecordKey(output, time)).then((stored) => stored?.record),
    usableJob(deps.sagemaker, { model, runTime: time }),
  ]);
  const wish = {
    asOf: record?.asOf ?? outcome?.asOf,
    noDeploy: outcome?.noDeploy === true && outcome.outcome !== 'Trained',
  };
  const resumes = await resumedBy(run, outcome, record);
  if (own === undefined && resumes !== undefined) {
    // It came to nothing that the run before it hadn't come to; but what it last looked at is recorded under its own name.
    const before = await lookBack(deps, definition, resumes, depth + 1);
    return { ...before, ...wish, record: record ?? before.record, runTimes: [time, ...before.runTimes] };
  }
  return { runTime: time, ...wish, record, usable: own, runTimes: [time] };
}

async function resumedBy(
  run: string,
  outcome: OutcomeObject | undefined,
  record: FileRecord | undefined,
): Promise<string | undefined> {
  if (outcome) return outcome.resumes;
  if (record) return record.resumes;
  return (await progressOf(run))?.resumes;
}

function assertUnfinished(run: string, { outcome, reason }: OutcomeObject): void {
  switch (outcome) {
    case 'Failed':
    case 'Cancelled':
    case 'Trained':
      return;
    case 'Deployed':
      throw refusal(run, `was deployed, so there is nothing to resume: ${reason}`);
    case 'NoNewData':
      throw refusal(run, 'found nothing new and did nothing: `perennial run --force` trains all the same');
    case 'Rejected':
      throw refusal(run, `was rejected, which resuming does not overrule: ${reason}`);
  }
}

/** A run without an outcome object must be over all the same. */
async function assertCutOff(run: string, where: string): Promise<void> {
  const status = await statusOfRun(run);
  switch (status) {
    case 'FAILED':
    case 'CANCELLED':
    case 'TERMINATED':
    case 'TIMED_OUT':
      return;
    case 'RUNNING':
      throw refusal(run, `is still running: wait for its end, or \`perennial cancel ${run}\` first`);
    case undefined:
      throw fail(
        'ResourceMissing',
        `Nothing is known of ${run}: Temporal doesn't remember it and ${where} has no record of it. Start a new run`,
      );
    default:
      throw refusal(run, `ended as ${status}, and ${where} has no record of how: start a new run`);
  }
}

const refusal = (run: string, why: string) => fail('InvalidRequest', `${run} ${why}`);
