import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { LedgerActivities } from '../contracts/activities.js';
import { parseS3Uri, s3Uri } from '../contracts/names.js';
import type { FileRecord, OutcomeObject } from '../contracts/records.js';
import type { Ledger, StoredOutcome } from '../ledger/store.js';
import { fail, withFailures } from './errors.js';
import { answeredByS3 } from './s3/objects.js';
import { readRecord } from './s3/records.js';

/** Outcome objects read at the same time while the ledger is rebuilt. */
const READERS = 16;

/** What the ledger's activities work through: the index, and S3, which holds the truth. */
export interface LedgerClients {
  /** Opens the ledger at its first use and answers the same one from then on. */
  readonly ledger: () => Promise<Ledger>;
  readonly s3: S3Client;
}

/** Activities that read and write the ledger. */
export function createLedgerActivities({ ledger, s3 }: LedgerClients): LedgerActivities {
  const asked = <T>(action: string, query: (index: Ledger) => Promise<T>) =>
    withFailures({ resource: 'the ledger', action }, async () => query(await ledger()));

  return {
    async indexRun({ outcomeUri }) {
      const outcome = await mustRead<OutcomeObject>(s3, outcomeUri);
      const { trainingJob, fileRecordUri } = outcome;
      const fileRecord =
        trainingJob !== undefined && fileRecordUri !== undefined
          ? await mustRead<FileRecord>(s3, fileRecordUri)
          : undefined;
      await asked('index a run', (index) => index.recordRun({ uri: outcomeUri, outcome, fileRecord }));
    },

    async indexEndpointDeleted({ endpoint, at }) {
      await asked('index a deletion', (index) => index.recordEndpointDeleted(endpoint, at));
    },

    async listRuns(filter) {
      return { runs: await asked('list runs', (index) => index.listRuns(filter)) };
    },

    async showRun({ run }) {
      return { run: (await asked('read a run', (index) => index.getRun(run)))?.outcome };
    },

    async rebuildLedger({ sources }) {
      const distinct = [...new Map(sources.map((source) => [s3Uri(source.bucket, source.output), source])).values()];
      return asked('rebuild', (index) =>
        index.rebuild(storedOutcomes(s3, distinct), (uri) => {
          heartbeat(); // A page of runs with their files can take longer than the server waits for a sign.
          return mustRead<FileRecord>(s3, uri);
        }),
      );
    },
  };
}

async function mustRead<T extends { readonly version: 1 }>(s3: S3Client, uri: string): Promise<T> {
  const { bucket, key } = parseS3Uri(uri);
  const stored = await readRecord<T>(s3, bucket, key);
  if (!stored) throw fail('ResourceMissing', `${uri} is gone, and the ledger indexes only what S3 holds: restore it`);
  return stored.record;
}

/** The outcome object of every run under each output prefix. A run that still goes on has none yet. */
async function* storedOutcomes(
  s3: S3Client,
  sources: readonly { readonly bucket: string; readonly output: string }[],
): AsyncGenerator<StoredOutcome> {
  const limit = pLimit(READERS);
  for (const { bucket, output } of sources) {
    for await (const folders of runFolders(s3, bucket, `${output}runs/`)) {
      heartbeat();
      const stored = await limit.map(folders, async (folder) => {
        const found = await readRecord<OutcomeObject>(s3, bucket, `${folder}outcome.json`);
        return found && { uri: s3Uri(bucket, `${folder}outcome.json`), outcome: found.record };
      });
      yield* stored.filter((outcome) => outcome !== undefined);
    }
  }
}

async function* runFolders(s3: S3Client, bucket: string, prefix: string): AsyncGenerator<string[]> {
  let ContinuationToken: string | undefined;
  do {
    const page = await withFailures(
      { resource: s3Uri(bucket, prefix), action: 'list', permission: 's3:ListBucket' },
      () => s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, Delimiter: '/', ContinuationToken })),
    );
    answeredByS3(page.Name, s3Uri(bucket, prefix));
    yield (page.CommonPrefixes ?? []).flatMap(({ Prefix }) => Prefix ?? []);
    ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (ContinuationToken !== undefined);
}
