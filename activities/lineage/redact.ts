import type { S3Client } from '@aws-sdk/client-s3';
import { heartbeat } from '@temporalio/activity';
import pLimit from 'p-limit';
import type { ScoreRecord } from '../../contracts/evaluation.js';
import { s3Uri } from '../../contracts/names.js';
import { isPurgedKey, type RecordsRedacted } from '../../contracts/purge/lineage.js';
import type { FileRecord, OutcomeObject } from '../../contracts/records.js';
import { dataHash } from '../data/hashes.js';
import { readRecord } from '../s3/records.js';
import type { Target } from '../purge/targets.js';
import type { Matcher } from './matcher.js';
import { eraseOldRecords, folderOf, redactFolder } from './records.js';
import { redactLedger } from './redact-ledger.js';
import { keysUnder, rewriteJson } from './rewrite.js';
import { bucketOf, survey, type SurveyDeps, type Use } from './survey.js';
import { eraseVersions } from './versions.js';

/** Runs whose records are rewritten at the same time. */
const AT_ONCE = 8;

/**
 * Puts keyed hashes in the place of the targets' keys. See LineageActivities. Of a run the file record comes last, and of all records the ledger: what
 * is still to be done is found by them, however often this is broken off.
 */
export async function redactRecords(deps: SurveyDeps, targets: () => AsyncIterable<Target>): Promise<RecordsRedacted> {
  const seen = await survey(deps, targets(), { transforms: false });
  const done = { fileRecords: 0, manifests: 0, scores: 0 };
  const scores = new Scores(deps.s3);
  const limit = pLimit(AT_ONCE);
  let batch: Use[] = [];
  const flush = async () => {
    await limit.map(batch, (use) => redactRun(deps.s3, seen.matcher, scores, use, done));
    batch = [];
  };
  // Those with a hash already may have been broken off before their old versions were erased.
  for await (const use of seen.uses({ purgedToo: true })) if (batch.push(use) === AT_ONCE) await flush();
  await flush();
  return { ...done, ledgerRows: await redactLedger(deps, targets()) };
}

type Done = { -readonly [K in 'fileRecords' | 'manifests' | 'scores']: number };

async function redactRun(s3: S3Client, matcher: Matcher, scores: Scores, { run, record, files }: Use, done: Done) {
  heartbeat();
  const of = bucketOf(record);
  const isTarget = (key: string) => !isPurgedKey(key) && matcher.has(of, key);
  const keys = files.map((file) => file.key).filter(isTarget);
  if (keys.length > 0) {
    const { bucket, folder } = folderOf(run.fileRecordUri);
    done.scores += await erasePredictions(s3, bucket, `${folder}predictions/`, keys);
    const judged = files.some((file) => file.channel === record.holdout && isTarget(file.key));
    if (judged) done.scores += await scores.empty(bucket, folder, record);
    const inPlaceOf = (key: string) => matcher.inPlaceOf(of, key);
    const { manifests, fileRecords } = await redactFolder(s3, run.fileRecordUri, { isTarget, inPlaceOf });
    done.manifests += manifests;
    done.fileRecords += fileRecords;
  }
  await eraseOldRecords(s3, run.fileRecordUri);
}

/** What a batch transform answered to a target's rows, where a run was asked to keep it: its key ends with the path below the channel. */
async function erasePredictions(
  s3: S3Client,
  bucket: string,
  prefix: string,
  keys: readonly string[],
): Promise<number> {
  const isOfTarget = (answers: string) => {
    const path = answers.slice(prefix.length).replace(/^[^/]*\//, '');
    const name = path.replace(/\.out$/, '');
    return name !== path && keys.some((key) => key === name || key.endsWith(`/${name}`));
  };
  return eraseVersions(s3, { bucket, prefix }, ({ key }) => isOfTarget(key));
}

/** Score records by the holdout that they are about. */
class Scores {
  private readonly listed = new Map<string, Promise<string[]>>();
  private readonly emptied = new Map<string, Promise<number>>();

  constructor(private readonly s3: S3Client) {}

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
      if (await rewriteJson<ScoreRecord>(this.s3, s3Uri(bucket, key), drop)) changed += 1;
      await eraseVersions(this.s3, { bucket, prefix: key }, (version) => !version.latest && version.key === key);
    }
    return changed;
  }
}
