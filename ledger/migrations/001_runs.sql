-- The index of what ran. The truth is in S3 (outcome objects, file records): every table here but
-- endpoint_deletions can be emptied and filled again from there. Ids are compared byte by byte (COLLATE "C").

CREATE TABLE runs (
  run text COLLATE "C" PRIMARY KEY,           -- workflow id
  temporal_run_id text NOT NULL,
  model text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('Deployed', 'NoNewData', 'Rejected', 'Trained', 'Failed', 'Cancelled')),
  reason text NOT NULL,
  failure_type text,
  trigger text NOT NULL,
  as_of date,
  started_at timestamptz NOT NULL,
  ended_at timestamptz NOT NULL,
  training_job text,
  image text,
  instance_type text,
  billable_seconds integer,
  files integer,
  data_hash text,
  definition_hash text,
  file_record_uri text,
  manifest_uri text,
  artifact_uri text,
  outcome_uri text NOT NULL,
  endpoint_config text,
  metrics jsonb NOT NULL,
  record jsonb NOT NULL                       -- the outcome object whole
);
CREATE INDEX runs_by_time ON runs (started_at DESC, run DESC);
CREATE INDEX runs_by_model ON runs (model, started_at DESC, run DESC);
CREATE INDEX runs_by_training_job ON runs (training_job) WHERE training_job IS NOT NULL;

-- Registered SageMaker models.
CREATE TABLE models (
  model_name text PRIMARY KEY,
  run text COLLATE "C" NOT NULL REFERENCES runs ON DELETE CASCADE,
  model text NOT NULL,
  training_job text,
  artifact_uri text,
  created_at timestamptz NOT NULL             -- when it was deployed, else when its run ended
);
CREATE INDEX models_by_run ON models (run);

-- Verified deployments. What ended them follows from later rows: see deployment_history.
CREATE TABLE deployments (
  endpoint text NOT NULL,
  run text COLLATE "C" NOT NULL REFERENCES runs ON DELETE CASCADE,
  endpoint_config text NOT NULL,
  model text NOT NULL,
  model_name text,
  deployed_at timestamptz NOT NULL,
  PRIMARY KEY (endpoint, run)
);
CREATE INDEX deployments_by_run ON deployments (run);

CREATE TABLE endpoint_deletions (
  endpoint text NOT NULL,
  deleted_at timestamptz NOT NULL,
  PRIMARY KEY (endpoint, deleted_at)
);

CREATE VIEW deployment_history AS
SELECT d.endpoint, d.run, d.endpoint_config, d.model, d.model_name, d.deployed_at, d.superseded_at,
       CASE WHEN d.superseded_at IS NULL OR gone.deleted_at < d.superseded_at THEN gone.deleted_at END AS deleted_at
FROM (
  SELECT *, lead(deployed_at) OVER (PARTITION BY endpoint ORDER BY deployed_at, run) AS superseded_at FROM deployments
) d
LEFT JOIN LATERAL (
  SELECT min(x.deleted_at) AS deleted_at FROM endpoint_deletions x
  WHERE x.endpoint = d.endpoint AND x.deleted_at >= d.deployed_at
) gone ON true;
