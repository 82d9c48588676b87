import type { Pool } from 'pg';
import type { OutcomeObject } from '../contracts/records.js';
import type { RunRow } from '../contracts/questions.js';
import type { Outcome } from '../contracts/runs.js';
import type { Deployment, FileVersion, RunFilter, StoredOutcome } from './types.js';

interface RunColumns {
  readonly run: string;
  readonly model: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly started_at: Date;
  readonly ended_at: Date;
  readonly files: number | null;
  readonly training_job: string | null;
  readonly endpoint_config: string | null;
}

/** See Ledger.listRuns. */
export async function listRuns(pool: Pool, { model, outcome, limit, before }: RunFilter): Promise<RunRow[]> {
  if (before !== undefined && (await getRun(pool, before)) === undefined) {
    throw new RangeError(`The ledger has no run ${before} to continue after: list from the start`);
  }
  const { rows } = await pool.query<RunColumns>(
    `SELECT run, model, outcome, reason, started_at, ended_at, files, training_job, endpoint_config FROM runs
     WHERE ($1::text IS NULL OR model = $1) AND ($2::text IS NULL OR outcome = $2)
       AND ($3::text IS NULL OR (started_at, run) < (SELECT started_at, run FROM runs WHERE run = $3))
     ORDER BY started_at DESC, run DESC LIMIT $4`,
    [model, outcome, before, limit],
  );
  return rows.map((row) => ({
    run: row.run,
    model: row.model,
    outcome: row.outcome,
    reason: row.reason,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at.toISOString(),
    ...(row.files !== null && { files: row.files }),
    ...(row.training_job !== null && { trainingJob: row.training_job }),
    ...(row.endpoint_config !== null && { endpointConfig: row.endpoint_config }),
  }));
}

/** See Ledger.getRun. */
export async function getRun(pool: Pool, run: string): Promise<StoredOutcome | undefined> {
  const { rows } = await pool.query<{ outcome_uri: string; record: OutcomeObject }>(
    'SELECT outcome_uri, record FROM runs WHERE run = $1',
    [run],
  );
  return rows[0] && { uri: rows[0].outcome_uri, outcome: rows[0].record };
}

export interface DeploymentColumns {
  readonly endpoint: string;
  readonly endpoint_config: string;
  readonly run: string;
  readonly model: string;
  readonly model_name: string | null;
  readonly deployed_at: Date;
  readonly superseded_at: Date | null;
  readonly deleted_at: Date | null;
}

/** See Ledger.deployments. */
export async function deployments(pool: Pool, endpoint: string): Promise<Deployment[]> {
  const { rows } = await pool.query<DeploymentColumns>(
    'SELECT * FROM deployment_history WHERE endpoint = $1 ORDER BY deployed_at DESC, run DESC',
    [endpoint],
  );
  return rows.map(toDeployment);
}

/** A row of the view deployment_history. */
export function toDeployment(row: DeploymentColumns): Deployment {
  return {
    endpoint: row.endpoint,
    endpointConfig: row.endpoint_config,
    run: row.run,
    model: row.model,
    ...(row.model_name !== null && { modelName: row.model_name }),
    deployedAt: row.deployed_at.toISOString(),
    ...(row.superseded_at !== null && { supersededAt: row.superseded_at.toISOString() }),
    ...(row.deleted_at !== null && { deletedAt: row.deleted_at.toISOString() }),
    live: row.superseded_at === null && row.deleted_at === null,
  };
}

interface FileColumns {
  readonly bucket: string;
  readonly key: string;
  readonly model: string;
  readonly channel: string;
  readonly etag: string;
  readonly version_id: string;
  /** pg answers a bigint as text; an S3 object's size is far below 2^53. */
  readonly size: string;
  readonly date: string;
  readonly first_run: string;
  readonly last_run: string;
}

const FILE_COLUMNS =
  'f.bucket, f.key, f.model, f.channel, f.etag, f.version_id, f.size, f.date::text AS date, f.first_run, f.last_run';

/** See Ledger.filesOfRun. */
export async function filesOfRun(pool: Pool, run: string): Promise<FileVersion[]> {
  const { rows } = await pool.query<FileColumns>(
    `SELECT ${FILE_COLUMNS} FROM runs r JOIN file_versions f ON f.model = r.model
     WHERE r.run = $1 AND r.training_job IS NOT NULL
       AND r.started_at BETWEEN f.first_used_at AND f.last_used_at
     ORDER BY f.channel, f.key, f.etag, f.version_id`,
    [run],
  );
  return rows.map(toFileVersion);
}

/** See Ledger.usesOfFile. */
export async function usesOfFile(pool: Pool, bucket: string, key: string): Promise<FileVersion[]> {
  const { rows } = await pool.query<FileColumns>(
    `SELECT ${FILE_COLUMNS} FROM file_versions f WHERE f.bucket = $1 AND f.key = $2 ORDER BY f.first_used_at, f.model`,
    [bucket, key],
  );
  return rows.map(toFileVersion);
}

function toFileVersion(row: FileColumns): FileVersion {
  return {
    bucket: row.bucket,
    key: row.key,
    model: row.model,
    channel: row.channel,
    etag: row.etag,
    ...(row.version_id !== '' && { versionId: row.version_id }),
    size: Number(row.size),
    date: row.date,
    firstRun: row.first_run,
    lastRun: row.last_run,
  };
}
