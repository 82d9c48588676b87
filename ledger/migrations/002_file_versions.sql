-- One row for each version of an object that a model trained on, with the first and the last run that used it: a
-- million runs over the same file are still one row. Each run moves last_run of its files, so no index contains
-- it and pages keep room for updates in place.

CREATE TABLE file_versions (
  bucket text NOT NULL,
  key text COLLATE "C" NOT NULL,
  model text NOT NULL,
  channel text NOT NULL,
  etag text NOT NULL,
  version_id text NOT NULL DEFAULT '',        -- empty where the bucket keeps no versions
  size bigint NOT NULL,
  date date NOT NULL,                         -- of the key
  first_run text COLLATE "C" NOT NULL,
  first_used_at timestamptz NOT NULL,         -- start of that run
  last_run text COLLATE "C" NOT NULL,
  last_used_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, key, model, channel, etag, version_id)
) WITH (fillfactor = 75);
CREATE INDEX file_versions_by_model ON file_versions (model);
