// What a fresh database lacks of Redshift. In pg_catalog, so that it is found whatever a session's search_path.

/** Owner of the database, as the master user of a cluster is; not a superuser of the server, which holds the ledger too. */
export const MASTER = 'awsuser';

const history = `
CREATE SCHEMA IF NOT EXISTS redshift_local;
CREATE TABLE IF NOT EXISTS redshift_local.queries (
  query_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_name text NOT NULL,
  query_label text NOT NULL,
  transaction_id bigint NOT NULL,
  session_id integer NOT NULL,
  query_type text NOT NULL,
  status text NOT NULL,
  start_time timestamp NOT NULL,
  end_time timestamp,
  error_code text,
  error_message text,
  returned_rows bigint NOT NULL DEFAULT 0,
  returned_bytes bigint NOT NULL DEFAULT 0,
  query_text text NOT NULL
);
CREATE INDEX IF NOT EXISTS queries_label ON redshift_local.queries (query_label);
CREATE TABLE IF NOT EXISTS redshift_local.load_errors (
  query_id bigint NOT NULL, user_name text NOT NULL, session_id integer NOT NULL, start_time timestamp NOT NULL,
  file_name text NOT NULL, line_number bigint NOT NULL, column_name text, reason text NOT NULL
);
CREATE SEQUENCE IF NOT EXISTS redshift_local.transactions;
`;

/** Rows are one's own, and the master user's all. */
const visible = `(user_name = current_user OR pg_catalog.pg_has_role(current_user, '${MASTER}', 'MEMBER'))`;
const userId = `coalesce((SELECT r.oid::bigint FROM pg_catalog.pg_roles r WHERE r.rolname = user_name), 0)::integer`;

const views = `
CREATE OR REPLACE VIEW pg_catalog.sys_query_history AS SELECT
  ${userId} AS user_id, query_id, query_label::character(320), transaction_id, session_id,
  current_database()::character(128) AS database_name, query_type::character(32), status::character(10), false AS result_cache_hit,
  start_time, end_time, (extract(epoch FROM coalesce(end_time, timezone('UTC', clock_timestamp())) - start_time) * 1000000)::bigint AS elapsed_time,
  0::bigint AS queue_time, (extract(epoch FROM coalesce(end_time, timezone('UTC', clock_timestamp())) - start_time) * 1000000)::bigint AS execution_time,
  coalesce(error_message, '')::character(512) AS error_message, returned_rows, returned_bytes, left(query_text, 4000)::character(4000) AS query_text
FROM redshift_local.queries WHERE ${visible};
CREATE OR REPLACE VIEW pg_catalog.stl_query AS SELECT
  ${userId} AS userid, query_id::integer AS query, query_label::character(320) AS label, transaction_id AS xid, session_id AS pid,
  current_database()::character(32) AS database, left(query_text, 4000)::character(4000) AS querytxt, start_time AS starttime, end_time AS endtime,
  (status IN ('failed', 'canceled'))::integer AS aborted
FROM redshift_local.queries WHERE end_time IS NOT NULL AND ${visible};
CREATE OR REPLACE VIEW pg_catalog.stl_load_errors AS SELECT
  ${userId} AS userid, start_time AS starttime, session_id AS session, query_id::integer AS query, file_name::character(256) AS filename,
  line_number, coalesce(column_name, '')::character(127) AS colname, reason::character(100) AS err_reason
FROM redshift_local.load_errors WHERE ${visible};
GRANT SELECT ON pg_catalog.sys_query_history, pg_catalog.stl_query, pg_catalog.stl_load_errors TO PUBLIC;
`;

const dateParts = `CASE
    WHEN lower($1) IN ('year', 'years', 'y', 'yr', 'yrs') THEN`;

const functions = `
CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE AS 'SELECT statement_timestamp()::timestamp(0)';
CREATE OR REPLACE FUNCTION pg_catalog.len(text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS 'SELECT length($1)';
CREATE OR REPLACE FUNCTION pg_catalog.nvl2(anyelement, anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE
  AS 'SELECT CASE WHEN $1 IS NOT NULL THEN $2 ELSE $3 END';
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(text, text, timestamp) RETURNS timestamp LANGUAGE sql STABLE STRICT
  AS 'SELECT timezone($2, timezone($1, $3))';
CREATE OR REPLACE FUNCTION pg_catalog.convert_timezone(text, timestamp) RETURNS timestamp LANGUAGE sql STABLE STRICT
  AS 'SELECT timezone($1, timezone(''UTC'', $2))';
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(text, bigint, timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
  AS 'SELECT $3 + $2 * CASE lower($1) WHEN ''quarter'' THEN interval ''3 months'' WHEN ''qtr'' THEN interval ''3 months'' ELSE (''1 '' || $1)::interval END';
CREATE OR REPLACE FUNCTION pg_catalog.datediff(text, timestamp, timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS $f$ SELECT ${dateParts}
      (extract(year FROM $3) - extract(year FROM $2))::bigint
    WHEN lower($1) IN ('quarter', 'quarters', 'qtr', 'qtrs') THEN
      (extract(year FROM $3) * 4 + extract(quarter FROM $3) - extract(year FROM $2) * 4 - extract(quarter FROM $2))::bigint
    WHEN lower($1) IN ('month', 'months', 'mon', 'mons') THEN
      (extract(year FROM $3) * 12 + extract(month FROM $3) - extract(year FROM $2) * 12 - extract(month FROM $2))::bigint
    WHEN lower($1) IN ('week', 'weeks', 'w') THEN
      ((date_trunc('week', $3 + interval '1 day')::date - date_trunc('week', $2 + interval '1 day')::date) / 7)::bigint
    WHEN lower($1) IN ('day', 'days', 'd') THEN ($3::date - $2::date)::bigint
    ELSE (extract(epoch FROM date_trunc($1, $3) - date_trunc($1, $2)) / extract(epoch FROM ('1 ' || $1)::interval))::bigint END $f$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
  AS 'SELECT nullif(current_setting(''redshift.last_copy_count'', true), '''')::bigint';
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_id() RETURNS integer LANGUAGE sql STABLE
  AS 'SELECT coalesce(nullif(current_setting(''redshift.last_copy_id'', true), ''''), ''-1'')::integer';
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_unload_count() RETURNS bigint LANGUAGE sql STABLE
  AS 'SELECT nullif(current_setting(''redshift.last_unload_count'', true), '''')::bigint';
`;

/** Safe to run again, on a database of an earlier start too. */
export const objects = `SET client_min_messages = warning; SET allow_system_table_mods = on; ${history} ${views} ${functions}
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;`;
