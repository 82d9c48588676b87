import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { CompareInput, ComparedRun, Comparison } from '../../contracts/insight.js';
import { outcomeKey, parseRunId, parseS3Uri } from '../../contracts/names.js';
import type { FileRecord, OutcomeObject } from '../../contracts/records.js';
import { fail, withFailures } from '../errors.js';
import { readRecord } from '../s3/records.js';
import { differenceFrom, splitFiles, type SplitFiles } from './files.js';
import type { InsightClients } from './index.js';
import { describeJob, trainingFacts } from './training.js';

/** Runs looked at at the same time; a file record can have many thousand entries. */
const READERS = 4;

type Clients = Pick<InsightClients, 's3' | 'sagemaker' | 'ledger'>;
type Looked = Omit<ComparedRun, 'files' | 'holdout'> & { readonly split?: SplitFiles };

/** What went into runs and what came out; files against those of the first. */
export async function compareRuns(clients: Clients, { definition, runs }: CompareInput): Promise<Comparison> {
  const looked = await pLimit(READERS).map(runs, async (run) => {
    heartbeat();
    return look(clients, await outcomeOf(clients, definition, run));
  });
  const first = looked[0]?.split;
  return {
    runs: looked.map(({ split, ...run }) => ({
      ...run,
      ...(split && differenceFrom(first ?? split, split)),
    })),
  };
}

async function look({ s3, sagemaker }: Clients, outcome: OutcomeObject): Promise<Looked> {
  const job = outcome.trainingJob === undefined ? undefined : await describeJob(sagemaker, outcome.trainingJob);
  const record = await fileRecordOf(s3, outcome);
  return {
    outcome,
    training: trainingFacts(outcome, job),
    split: record && splitFiles(record),
  };
}

/** A run's files; undefined where it recorded none, or where the record was removed with its data. */
async function fileRecordOf(s3: Clients['s3'], outcome: OutcomeObject): Promise<FileRecord | undefined> {
  if (outcome.fileRecordUri === undefined) return undefined;
  const { bucket, key } = parseS3Uri(outcome.fileRecordUri);
  return (await readRecord<FileRecord>(s3, bucket, key))?.record;
}

/** The ledger's copy of a run's outcome object, or the object itself where the ledger lacks it. */
async function outcomeOf(
  { ledger, s3 }: Clients,
  definition: CompareInput['definition'],
  run: string,
): Promise<OutcomeObject> {
  const indexed = await withFailures({ resource: 'the ledger', action: 'read a run' }, async () =>
    (await ledger()).getRun(run),
  );
  if (indexed) return indexed.outcome;
  const { model, time = '' } = parseRunId(run) ?? {};
  const { bucket, output } = definition.data;
  const stored =
    model === definition.name ? await readRecord<OutcomeObject>(s3, bucket, outcomeKey(output, time)) : undefined;
  if (stored) return stored.record;
  throw fail(
    'ResourceMissing',
    `Run ${run} has no outcome to compare: wait for its end (\`perennial show ${run}\`); if it has ended, \`perennial ledger rebuild\` brings it in`,
  );
}
