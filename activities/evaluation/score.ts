import type { S3Client } from '@aws-sdk/client-s3';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { Evaluation, EvaluationActivities, ScoreRecord } from '../../contracts/evaluation.js';
import { parseS3Uri, s3Uri, scoreKey } from '../../contracts/names.js';
import type { FileRecord } from '../../contracts/records.js';
import { fail } from '../errors.js';
import { writeOnce } from '../s3/objects.js';
import { parseRecord, readRecord, recordConflict, recordKey } from '../s3/records.js';
import { answersOf, type Prediction } from './answers.js';
import { Columns } from './columns.js';
import { metricsOf } from './metrics.js';
import { holdoutFiles, outputsOf } from './objects.js';
import { readPairs } from './pairs.js';
import { outputFolder } from './request.js';

type ScoreInput = Parameters<EvaluationActivities['scoreModels']>[0];

/** Rows between two signs of life. */
const BEAT_ROWS = 20_000;
/** Rows that a score record shows. */
const SAMPLE_ROWS = 500;

/** Scores the candidate, and the live model where there is one to compare with. See EvaluationActivities. */
export async function scoreModels(s3: S3Client, input: ScoreInput): Promise<Evaluation> {
  const { definition, holdout, started } = input;
  if (!definition.evaluation)
    throw fail('DefinitionInvalid', `Model ${definition.name} has no evaluation to score for`);
  const candidate = await scoreOf(s3, input, started.modelName, started.transformJob);
  const { hash, files, from, to } = holdout;
  const live = started.live && {
    modelName: started.live.modelName,
    ...pick(await scoreOf(s3, input, started.live.modelName, started.live.transformJob)),
    rescored: started.live.transformJob !== undefined,
  };
  return {
    metric: definition.evaluation.metric,
    holdout: { hash, files, from, to },
    rows: candidate.record.rows,
    candidate: { modelName: started.modelName, ...pick(candidate) },
    ...(live && { live }),
    ...(started.liveConfig !== undefined && { liveConfig: started.liveConfig }),
    ...(started.notCompared !== undefined && { notCompared: started.notCompared }),
  };
}

interface Score {
  readonly record: ScoreRecord;
  readonly uri: string;
}

const pick = ({ record, uri }: Score) => ({ metrics: record.metrics, scoreUri: uri });

/** The recorded score of a model on this holdout; without one it is made from the transform job's output. */
async function scoreOf(
  s3: S3Client,
  input: ScoreInput,
  modelName: string,
  transformJob: string | undefined,
): Promise<Score> {
  const { definition, holdout } = input;
  const { bucket, output } = definition.data;
  const key = scoreKey(output, modelName, holdout.hash);
  const uri = s3Uri(bucket, key);
  const known = await readRecord<ScoreRecord>(s3, bucket, key);
  if (known) return { record: known.record, uri };
  if (transformJob === undefined) {
    throw fail(
      'ResourceMissing',
      `${uri}, the score of the live model, is gone since this run began to evaluate: start a new run`,
    );
  }
  const record = await compute(s3, input, modelName, transformJob);
  const other = await writeOnce(s3, { bucket, key, body: JSON.stringify(record), kmsKey: recordKey(definition) });
  if (other === undefined) return { record, uri };
  // Another try, or another run with this model live, was first: what is recorded holds.
  const existing = parseRecord<ScoreRecord>(other, uri);
  if (existing.modelName !== modelName || existing.holdoutHash !== holdout.hash) throw recordConflict(uri);
  return { record: existing, uri };
}

async function compute(
  s3: S3Client,
  { ref, definition, fileRecordUri, holdout }: ScoreInput,
  modelName: string,
  transformJob: string,
): Promise<ScoreRecord> {
  const { bucket } = definition.data;
  const prefix = outputFolder(definition, ref, transformJob);
  const files = await holdoutFiles(s3, holdout.manifestUri);
  const [outputs, etags] = await Promise.all([
    outputsOf(
      s3,
      { bucket, prefix },
      files.map(({ path }) => path),
    ),
    etagsOf(s3, fileRecordUri),
  ]);
  const columns = new Columns();
  const signal = cancellationSignal();
  for (const file of files) {
    const key = outputs.get(file.path);
    if (key === undefined) {
      throw fail(
        'DataInvalid',
        `${file.label}: transform job ${transformJob} left no answers of ${modelName} to it under ${s3Uri(bucket, prefix)}: start a new run`,
      );
    }
    const answered = {
      file: { ...file, etag: etags.get(file.key) },
      answers: { bucket, key },
      form: answersOf(definition),
      modelName,
    };
    const take = (actual: number, { value, label }: Prediction): boolean => {
      columns.push(actual, value, label);
      if (columns.rows % BEAT_ROWS === 0) heartbeat(columns.rows);
      return true;
    };
    await readPairs(s3, answered, take, signal);
    heartbeat(columns.rows);
  }
  if (columns.rows === 0) {
    throw fail(
      'DataInvalid',
      `The ${holdout.files} files of the holdout (${holdout.from} to ${holdout.to}) have no rows, so nothing can be judged on them: put them right, then start a new run`,
    );
  }
  return {
    version: 1,
    modelName,
    holdoutHash: holdout.hash,
    rows: columns.rows,
    ...metricsOf(columns.view()),
    sample: columns.sample(SAMPLE_ROWS),
  };
}

/** ETags of the run's objects by key, as it looked at them. A copy on a mount may have the same key, and no ETag. */
export async function etagsOf(s3: S3Client, fileRecordUri: string): Promise<Map<string, string>> {
  const { bucket, key } = parseS3Uri(fileRecordUri);
  const stored = await readRecord<FileRecord>(s3, bucket, key);
  if (!stored) throw fail('ResourceMissing', `${fileRecordUri}, this run's file record, is gone: start a new run`);
  return new Map(stored.record.files.filter(({ mounted }) => !mounted).map((file) => [file.key, file.etag]));
}
