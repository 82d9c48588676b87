import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import { fileRecordKey, parseS3Uri, s3Uri } from '../../contracts/names.js';
import { isPurgedKey } from '../../contracts/purge/lineage.js';
import type { FileEntry, FileRecord } from '../../contracts/records.js';
import type { Ledger } from '../../ledger/store.js';
import type { KeyedHashes } from '../keyed-hashes.js';
import type { Target } from '../purge/targets.js';
import { readRecord } from '../s3/records.js';
import { type RunningTraining, runningTrainings, transformsOf, type TransformSeen } from './jobs.js';
import { type Earlier, NOTHING_EARLIER } from './earlier.js';
import { asked, Matcher } from './matcher.js';
import { address, Prefixes } from './places.js';
import { allSources, type Source } from './sources.js';
import { READERS, type SeenRun, unindexedRuns, withJob } from './unindexed.js';

export interface SurveyDeps {
  readonly s3: S3Client;
  readonly sagemaker: SageMakerClient;
  readonly ledger: Ledger;
  readonly hashes: KeyedHashes;
  /** Where the models that Temporal remembers leave their records. */
  readonly declared: () => Promise<readonly Source[]>;
}

/** A run with those of its files that are targets. */
export interface Use {
  readonly run: SeenRun;
  readonly record: FileRecord;
  readonly files: readonly FileEntry[];
}

/** Everything that may have used a target, before the targets are read. */
export interface Survey {
  readonly matcher: Matcher;
  readonly running: readonly RunningTraining[];
  readonly transforms: readonly TransformSeen[];
  readonly sources: readonly Source[];
  readonly earlier: Earlier;
  readonly warnings: readonly string[];
  /**
   * The runs that used a target, in no order. A run's record is read when its turn comes, and held no longer. With `purgedToo` also those that
   * have any file that was erased, by whatever purge.
   */
  uses(options?: { readonly purgedToo?: boolean }): AsyncGenerator<Use>;
}

/**
 * Finds what used the targets. The ledger narrows down the runs by the first and the last that used a file; the file records say which of them
 * did. Runs that it has no file of are looked at one by one: those that trained nothing, and those that it has not.
 * @param options.transforms whether transform jobs are of interest, too
 * @param options.earlier what earlier purges found under prefixes among the targets; asked where there are any
 */
export async function survey(
  deps: SurveyDeps,
  targets: AsyncIterable<Target>,
  options: {
    readonly transforms: boolean;
    readonly earlier?: (prefixes: Matcher['prefixes']) => Promise<Earlier>;
  },
): Promise<Survey> {
  const { s3, sagemaker, ledger, hashes } = deps;
  const [running, declared] = await Promise.all([runningTrainings(sagemaker), deps.declared()]);
  const sources = await allSources(ledger, [...declared, ...running.map(({ source }) => source)]);
  const models = [...new Set(sources.map(({ model }) => model))];
  const [transforms, untrained, unindexed] = await Promise.all([
    options.transforms ? transformsOf(deps, models) : { seen: [], more: 0 },
    asked(() => ledger.untrained()),
    unindexedRuns(deps, sources),
  ]);
  const others = [...untrained, ...unindexed];
  const keys = new Set<string>();
  const records = [...others.map(({ fileRecordUri }) => fileRecordUri), ...running.map(recordUriOf)];
  await pLimit(READERS).map(records, async (uri) => {
    heartbeat();
    for (const { bucket, key } of addressed(await recordAt(s3, uri))) keys.add(address(bucket, key));
  });
  const prefixes = new Prefixes();
  for (const { input } of transforms.seen) {
    if ('prefix' in input) prefixes.add(input.bucket, input.prefix);
    else for (const key of input.keys) keys.add(address(input.bucket, key));
  }
  const about = { ledger, hashes, interest: { keys, prefixes } };
  const matcher = await Matcher.of(targets, about);
  const earlier =
    matcher.prefixes.length > 0 ? ((await options.earlier?.(matcher.prefixes)) ?? NOTHING_EARLIER) : NOTHING_EARLIER;
  await matcher.addErased(earlier.names, [...new Set(sources.map(({ bucket }) => bucket))], about);
  const gone: string[] = [];
  const older =
    transforms.more > 0 ? [`${transforms.more} transform jobs older than the newest were not looked at`] : [];
  return {
    matcher,
    running,
    transforms: transforms.seen,
    sources,
    earlier,
    get warnings() {
      return [...older, ...earlier.warnings, ...gone];
    },
    uses: ({ purgedToo = false } = {}) => usesOf(deps, matcher, others, { gone, purgedToo }),
  };
}

async function* usesOf(
  { s3, sagemaker, ledger }: SurveyDeps,
  matcher: Matcher,
  others: readonly SeenRun[],
  { gone, purgedToo }: { readonly gone: string[]; readonly purgedToo: boolean },
): AsyncGenerator<Use> {
  const between: SeenRun[] = [];
  for (const span of matcher.spans) between.push(...(await asked(() => ledger.trainedBetween(span))));
  const runs = [...new Map([...between, ...others].map((run) => [run.run, run])).values()];
  for (let start = 0; start < runs.length; start += READERS) {
    heartbeat();
    const batch = runs.slice(start, start + READERS);
    const found = await Promise.all(
      batch.map(async (run): Promise<Use | undefined> => {
        const record = await recordAt(s3, run.fileRecordUri);
        if (!record) {
          gone.push(`${run.fileRecordUri}, the file record of ${run.run}, is gone: what it used is not known`);
          return undefined;
        }
        const files = record.files.filter(
          ({ key }) => matcher.has(bucketOf(record), key) || (purgedToo && isPurgedKey(key)),
        );
        return files.length > 0 ? { run: await withJob(sagemaker, run, record), record, files } : undefined;
      }),
    );
    yield* found.filter((one) => one !== undefined);
  }
}

/** Bucket that the keys of a file record are of. */
export const bucketOf = ({ bucket }: FileRecord): string => bucket;

export const recordUriOf = ({ source: { bucket, output }, time }: RunningTraining): string =>
  s3Uri(bucket, fileRecordKey(output, time));

export async function recordAt(s3: S3Client, uri: string): Promise<FileRecord | undefined> {
  const { bucket, key } = parseS3Uri(uri);
  return (await readRecord<FileRecord>(s3, bucket, key))?.record;
}

const addressed = (record: FileRecord | undefined) =>
  record?.files.map(({ key }) => ({ bucket: bucketOf(record), key })) ?? [];
