import type { S3Client } from '@aws-sdk/client-s3';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { parseTransformJobName, s3Uri } from '../../contracts/names.js';
import type {
  BatchOutput,
  FileLineage,
  FileUse,
  LineageAnswer,
  LineageSummary,
} from '../../contracts/purge/lineage.js';
import { isPurgedKey } from '../../contracts/purge/lineage.js';
import type { FileEntry } from '../../contracts/records.js';
import type { Ledger } from '../../ledger/store.js';
import { endpointsOf } from './endpoints.js';
import type { TransformSeen } from './jobs.js';
import type { Matcher } from './matcher.js';
import { address } from './places.js';
import { bucketOf, recordAt, recordUriOf, type Survey, type Use } from './survey.js';
import type { SeenRun } from './unindexed.js';

/**
 * Uses listed one by one, and of each run its first: by the hashes of these a later purge of the same prefix finds every run again. The counts
 * hold for all. A use takes some 300 bytes as JSON.
 */
const MOST_USES = 50_000;

export interface AnswerOptions {
  /** How a key stands in the answer. */
  readonly shown: (bucket: string, key: string) => string;
  /** Only this version of the file. */
  readonly versionId?: string;
}

/** The answer to a survey, and the sum of it. */
export interface Lineage {
  readonly answer: LineageAnswer;
  readonly summary: Omit<LineageSummary, 'lineageUri'>;
}

/** Puts together who saw the targets. */
export async function lineageOf(
  { s3, sagemaker, ledger }: { readonly s3: S3Client; readonly sagemaker: SageMakerClient; readonly ledger: Ledger },
  seen: Survey,
  options: AnswerOptions,
): Promise<Lineage> {
  const files = new Files(options);
  for await (const use of seen.uses()) files.add(use);
  const trained = [...files.trained.values()];
  const { endpoints, live, warnings } = await endpointsOf(sagemaker, ledger, trained);
  const modelNames = new Set(trained.flatMap(({ modelName }) => modelName ?? []));
  const now = batchOutputs(seen.transforms, seen.matcher, modelNames);
  // SageMaker lists the newest jobs alone: what was found once holds.
  const batches = [...new Map([...seen.earlier.batchOutputs, ...now].map((one) => [one.transformJob, one])).values()];
  const answer: LineageAnswer = {
    files: files.list(),
    endpoints,
    batchOutputs: batches,
    warnings: [...seen.warnings, ...warnings, ...files.warnings()],
  };
  const running = await Promise.all(
    seen.running.map(async (training) => {
      const record = await recordAt(s3, recordUriOf(training));
      const reads = record?.files.some(
        (file) => seen.matcher.has(bucketOf(record), file.key) && isWanted(file, options),
      );
      return reads === true ? [training.job] : [];
    }),
  );
  const transforming = seen.transforms.filter(({ running: goesOn, input }) => goesOn && reads(seen.matcher, input));
  return {
    answer,
    summary: {
      runs: files.runs.size,
      models: [...new Set([...files.runs.values()].map(({ model }) => model))].sort(),
      live,
      runningJobs: [...running.flat(), ...transforming.map(({ job }) => job)],
      batchOutputs: batches.length,
      ...(seen.earlier.elsewhere.length > 0 && { elsewhere: seen.earlier.elsewhere }),
    },
  };
}

/** What each version of a file went into, as the runs come. */
class Files {
  readonly runs = new Map<string, SeenRun>();
  readonly trained = new Map<string, SeenRun>();
  private readonly found = new Map<string, FileLineage & { uses: FileUse[] }>();
  private readonly told = new Set<string>();
  private uses = 0;
  private listed = 0;

  constructor(private readonly options: AnswerOptions) {}

  add({ run, record, files }: Use): void {
    const bucket = bucketOf(record);
    for (const file of files) {
      if (!isWanted(file, this.options)) continue;
      const as = run.trainingJob !== undefined && file.channel !== record.holdout ? 'trained' : 'judged';
      this.runs.set(run.run, run);
      if (as === 'trained') this.trained.set(run.run, run);
      this.uses += 1;
      if (this.listed >= MOST_USES && this.told.has(`${as} ${run.run}`)) continue;
      this.told.add(`${as} ${run.run}`);
      this.listed += 1;
      this.version(bucket, file).uses.push(useOf(run, file.channel, as));
    }
  }

  list(): FileLineage[] {
    const byUri = (a: FileLineage, b: FileLineage) => (a.uri === b.uri ? 0 : a.uri < b.uri ? -1 : 1);
    const byTime = (a: FileUse, b: FileUse) => (a.run < b.run ? -1 : 1);
    return [...this.found.values()].map((file) => ({ ...file, uses: file.uses.sort(byTime) })).sort(byUri);
  }

  warnings(): string[] {
    const more = this.uses - this.listed;
    return more > 0 ? [`${more} further uses are counted, and not listed: ask for single files`] : [];
  }

  private version(bucket: string, { key, etag, versionId, mounted }: FileEntry) {
    const id = JSON.stringify([address(bucket, key), etag, versionId, mounted]);
    const known = this.found.get(id);
    if (known) return known;
    const uri = isPurgedKey(key) ? key : this.options.shown(bucket, key);
    const made = {
      uri,
      etag,
      ...(versionId !== undefined && { versionId }),
      ...(mounted && { mounted }),
      uses: [] as FileUse[],
    };
    this.found.set(id, made);
    return made;
  }
}

const isWanted = (file: FileEntry, { versionId }: AnswerOptions) =>
  versionId === undefined || file.versionId === versionId;

const useOf = (run: SeenRun, channel: string, as: FileUse['as']): FileUse => ({
  run: run.run,
  model: run.model,
  channel,
  outcome: run.outcome,
  as,
  ...(run.trainingJob !== undefined && { trainingJob: run.trainingJob }),
  ...(run.modelName !== undefined && { modelName: run.modelName }),
  ...(run.artifactUri !== undefined && { artifactUri: run.artifactUri }),
});

const reads = (matcher: Matcher, input: TransformSeen['input']): boolean =>
  'prefix' in input
    ? matcher.touches(input.bucket, input.prefix)
    : input.keys.some((key) => matcher.has(input.bucket, key));

/** Batch transforms that a model made that trained on a target, or that read one. An evaluation's predictions go with its run. */
function batchOutputs(
  transforms: readonly TransformSeen[],
  matcher: Matcher,
  modelNames: ReadonlySet<string>,
): BatchOutput[] {
  return transforms
    .filter(({ job }) => /-t\d+$/.test(job) && parseTransformJobName(job) !== undefined)
    .flatMap(({ job, modelName, outputUri, input }): BatchOutput[] => {
      const because = reads(matcher, input) ? 'input' : modelNames.has(modelName) ? 'model' : undefined;
      return because === undefined ? [] : [{ transformJob: job, modelName, outputUri, because }];
    });
}

/** How a key stands where keys may: as the object's URI. */
export const inPlain = (bucket: string, key: string): string => s3Uri(bucket, key);
