import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { ScoreRecord } from '../../contracts/evaluation.js';
import { s3Uri } from '../../contracts/names.js';
import { isPurgedKey, type RecordsPlanned, type RecordsRedacted } from '../../contracts/purge/lineage.js';
import type { FileRecord, OutcomeObject } from '../../contracts/records.js';
import { dataHash } from '../data/hashes.js';
import { readRecord } from '../s3/records.js';
import type { Target } from '../purge/targets.js';
import type { Matcher } from './matcher.js';
import { dryPenOf, penOf, type Pen } from './pen.js';
import { eraseOldRecords, folderOf, redactFolder } from './records.js';
import { redactLedger } from './redact-ledger.js';
import { keysUnder } from './rewrite.js';
import { bucketOf, survey, type Survey, type SurveyDeps, type Use } from './survey.js';

/** Runs whose records are rewritten at the same time. */
const AT_ONCE = 8;

/**
 * Puts keyed hashes in the place of the targets' keys. See LineageActivities. Of a run the file record comes last, and of all records the ledger: what
 * is still to be done is found by them, however often this is broken off.
 */
export async function redactRecords(deps: SurveyDeps, targets: () => AsyncIterable<Target>): Promise<RecordsRedacted> {
  const seen = await survey(deps, targets(), { transforms: false });
  // Those with a hash already may have been broken off before their old versions were erased.
  const done = await eachRun(deps.s3, seen, penOf(deps.s3), { purgedToo: true }, ({ run }) =>
    eraseOldRecords(deps.s3, run.fileRecordUri),
  );
  return { ...done, ledgerRows: await redactLedger(deps, targets()) };
}

/** What redactRecords would rewrite, found in the same way; `name` is told of each record. */
export const planRecords = (s3: S3Client, seen: Survey, name: (uri: string) => void): Promise<RecordsPlanned> =>
  eachRun(s3, seen, dryPenOf(s3, name));

/** Takes the targets out of the records of each run that used one. */
async function eachRun(
  s3: S3Client,
  seen: Survey,
  pen: Pen,
  which: { readonly purgedToo: boolean } = { purgedToo: false },
  afterwards: (use: Use) => Promise<void> = () => Promise.resolve(),
): Promise<RecordsPlanned> {
  const done: Done = { fileRecords: 0, manifests: 0, scores: 0 };
  const scores = new Scores(s3, pen);
  const limit = pLimit(AT_ONCE);
  let batch: Use[] = [];
  const flush = async () => {
    await limit.map(batch, async (use) => {
      await redactRun({ s3, pen, matcher: seen.matcher, scores, done }, use);
      await afterwards(use);
    });
    batch = [];
  };
  for await (const use of seen.uses(which)) if (batch.push(use) === AT_ONCE) await flush();
  await flush();
  return done;
}

type Done = { -readonly [K in keyof RecordsPlanned]: RecordsPlanned[K] };

interface Redacting {
  readonly s3: S3Client;
  readonly pen: Pen;
  readonly matcher: Matcher;
  readonly scores: Scores;
  readonly done: Done;
}

async function redactRun({ s3, pen, matcher, scores, done }: Redacting, { run, record, files }: Use): Promise<void> {
  heartbeat();
  const of = bucketOf(record);
  const isTarget = (key: string) => !isPurgedKey(key) && matcher.has(of, key);
  const keys = files.map((file) => file.key).filter(isTarget);
  if (keys.length === 0) return;
  const { bucket, folder } = folderOf(run.fileRecordUri);
  done.scores += await erasePredictions(pen, bucket, `${folder}predictions/`, keys);
  const judged = files.some((file) => file.channel === record.holdout && isTarget(file.key));
  if (judged) done.scores += await scores.empty(bucket, folder, record);
  const inPlaceOf = (key: string) => matcher.inPlaceOf(of, key);
  const { manifests, fileRecords } = await redactFolder(s3, pen, run.fileRecordUri, { isTarget, inPlaceOf });
  done.manifests += manifests;
  done.fileRecords += fileRecords;
}

/** What a batch transform answered to a target's rows, where a run was asked to keep it: its key ends with the path below the channel. */
async function erasePredictions(pen: Pen, bucket: string, prefix: string, keys: readonly string[]): Promise<number> {
  const isOfTarget = (answers: string) => {
    const path = answers.slice(prefix.length).replace(/^[^/]*\//, '');
    const name = path.replace(/\.out$/, '');
    return name !== path && keys.some((key) => key === name || key.endsWith(`/${name}`));
  };
  return pen.erase({ bucket, prefix }, ({ key }) => isOfTarget(key));
}

/** Score records by the holdout that they are about. */
class Scores {
  private readonly listed = new Map<string, Promise<string[]>>();
  private readonly emptied = new Map<string, Promise<number>>();

  constructor(
    private readonly s3: S3Client,
    private readonly pen: Pen,
  ) {}

  /** Takes the sample rows out of the scores on a run's holdout; answers how many records changed. */
  async empty(bucket: string, folder: string, record: FileRecord): Promise<number> {
    const output = folder.replace(/runs\/[^/]+\/$/, '');
    const outcome = await readRecord<OutcomeObject>(this.s3, bucket, `${folder}outcome.json`);
    const held = record.files.filter(({ channel }) => channel === record.holdout);
    // Of a record that was redacted before, only its outcome has the hash still.
    const hashes = new Set([dataHash(held), outcome?.record.evaluation?.holdout.hash ?? dataHash(held)]);
    const place = s3Uri(bucket, `${output}scores/`);
    let done = 0;
    for (const hash of hashes) {
      const id = `${place}${hash}`;
      const known = this.emptied.get(id);
      const work = known ?? this.emptyHash(bucket, `${output}scores/`, hash);
      this.emptied.set(id, work);
      const changed = await work;
      if (!known) done += changed;
    }
    return done;
  }

  private async emptyHash(bucket: string, prefix: string, hash: string): Promise<number> {
    const place = s3Uri(bucket, prefix);
    const listed = this.listed.get(place) ?? keysUnder(this.s3, bucket, prefix);
    this.listed.set(place, listed);
    let changed = 0;
    for (const key of (await listed).filter((one) => one.endsWith(`/${hash}.json`))) {
      const drop = (score: ScoreRecord) => (score.sample.length === 0 ? undefined : { ...score, sample: [] });
      if (await this.pen.rewrite<ScoreRecord>(s3Uri(bucket, key), drop)) changed += 1;
      await this.pen.erase({ bucket, prefix: key }, (version) => !version.latest && version.key === key);
    }
    return changed;
  }
}
