import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import { parseTransformJobName, parseTrainingJobName, s3Uri } from '../../contracts/names.js';
import { purgePrefix, type PurgeWork, type TargetLine } from '../../contracts/purge/index.js';
import type { LineageActivities } from '../../contracts/purge/lineage.js';
import type { Ledger } from '../../ledger/store.js';
import { fail, isFailure } from '../errors.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import { TargetList } from '../purge/target-list.js';
import type { Target } from '../purge/targets.js';
import { writeJson } from '../s3/answer.js';
import { stopTraining } from '../training/stop.js';
import { stopTransformJob } from '../transforms/jobs.js';
import { inPlain, lineageOf } from './answer.js';
import { earlierPurges } from './earlier.js';
import { readQuestion } from './question.js';
import { planRecords, redactRecords } from './redact.js';
import type { Source } from './sources.js';
import { survey } from './survey.js';
import { liftTombstones, setTombstones, settleTombstones } from './tombstones.js';

export { declaredSources } from './sources.js';

/** Most records that a dry run names. */
const MOST_NAMED = 10_000;

export interface LineageDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
  /** Opens the ledger at its first use and answers the same one from then on. */
  readonly ledger: () => Promise<Ledger>;
  readonly hashes: () => Promise<KeyedHashes>;
  /** Where models leave their records that may have no ended run yet: `declaredSources` asks Temporal. */
  readonly declared: () => Promise<readonly Source[]>;
}

/** Activities about who saw a file, and about forgetting that it was there. No key leaves them but in exchange objects. */
export function createLineageActivities(deps: LineageDeps): LineageActivities {
  const { s3, sagemaker } = deps;
  const opened = async () => {
    const [ledger, hashes] = await Promise.all([deps.ledger(), deps.hashes()]);
    return { s3, sagemaker, ledger, hashes, declared: deps.declared };
  };
  return {
    async lineageOfFile({ inputUri, outputUri, storage }) {
      const { bucket, key, versionId } = await readQuestion(s3, inputUri);
      const open = await opened();
      const seen = await survey(open, only({ bucket, key }), { transforms: true });
      const { answer } = await lineageOf(open, seen, { shown: inPlain, ...(versionId !== undefined && { versionId }) });
      return writeJson(s3, { outputUri, kmsKey: storage.records.key }, answer);
    },

    async lineageOfTargets({ outputUri, ...work }) {
      const { storage, ref } = work;
      const open = await opened();
      const list = await TargetList.read(s3, work, deps.hashes, heartbeat);
      const targets = () => placesOf(list);
      const looking = { ...open, work, targets, dry: outputUri !== undefined };
      const seen = await survey(open, targets(), {
        transforms: true,
        earlier: (prefixes) => earlierPurges(looking, prefixes),
      });
      const shown =
        outputUri === undefined ? (bucket: string, key: string) => seen.matcher.inPlaceOf(bucket, key) : inPlain;
      const { answer, summary } = await lineageOf(open, seen, { shown });
      // A dry run says what else would change, too.
      const named: string[] = [];
      const planned =
        outputUri !== undefined && !rowsOnly(work)
          ? await planRecords(s3, seen, (uri) => named.length < MOST_NAMED && named.push(uri))
          : undefined;
      const lineageUri = outputUri ?? s3Uri(storage.records.bucket, `${purgePrefix(ref)}lineage.json`);
      await writeJson(
        s3,
        { outputUri: lineageUri, kmsKey: storage.records.key },
        planned ? { ...answer, records: named } : answer,
      );
      return { ...summary, lineageUri, ...(planned && { records: planned }) };
    },

    async stopReaders({ jobs }) {
      const ends = await Promise.allSettled(jobs.map((job) => stopJob(sagemaker, job)));
      const failures: unknown[] = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
      // What went wrong comes before what is only not over.
      const worst = failures.find((error) => !isFailure(error, 'InProgress')) ?? failures[0];
      if (worst !== undefined) throw worst as Error;
      return { stopped: jobs };
    },

    setTombstones: async (work) =>
      rowsOnly(work) ? { objects: 0, prefixes: 0 } : setTombstones(s3, await deps.hashes(), work),

    settleTombstones: (work) => settleTombstones(s3, deps.hashes, work),

    liftTombstones: async (work) => liftTombstones(s3, await deps.hashes(), work),

    async redactRecords(work) {
      if (rowsOnly(work)) return { fileRecords: 0, manifests: 0, scores: 0, ledgerRows: 0 };
      const list = await TargetList.read(s3, work, deps.hashes, heartbeat);
      return redactRecords(await opened(), () => placesOf(list));
    },
  };
}

async function stopJob(sagemaker: SageMakerClient, job: string): Promise<void> {
  if (/-[clt]\d{1,2}$/.test(job) && parseTransformJobName(job)) await stopTransformJob(sagemaker, job);
  else if (parseTrainingJobName(job)) await stopTraining(sagemaker, job);
  else throw fail('InvalidRequest', `Job ${job} is none that Perennial made: stop it by hand in SageMaker`);
}

/** Where rows are erased, the objects stay, with their keys. */
const rowsOnly = ({ options }: PurgeWork) => options.column !== undefined;

/** The targets of a purge, each with its declared copies. */
async function* placesOf(list: TargetList): AsyncGenerator<Target> {
  for await (const { places } of list.places()) yield* places;
}

async function* only(target: Exclude<TargetLine, { value: string }>): AsyncGenerator<Target> {
  yield target;
}
