#!/bin/sh
# Roles and databases of Temporal and of the ledger. Repeating it changes nothing but passwords whose files are new.
set -eu
S=/run/perennial
PGPASSWORD=$(cat $S/postgres/password)
export PGPASSWORD
# Also where all containers start at once, as with `docker compose restart`.
left=60
until pg_isready --quiet || [ $left -eq 0 ]; do
  left=$((left - 1))
  sleep 1
done
ask() { psql --quiet --no-psqlrc --tuples-only --no-align --set ON_ERROR_STOP=1 "$@"; }

for role in temporal perennial; do
  file=$S/temporal/password
  [ $role = perennial ] && file=$S/ledger/password
  if [ -z "$(ask --command "SELECT 1 FROM pg_roles WHERE rolname = '$role'")" ]; then
    ask --command "CREATE ROLE $role LOGIN"
    echo "role $role made"
  fi
  # psql hashes it before it leaves, so that no password stands in SQL text. Without a terminal it reads it from its input.
  said=$(printf '%s\n%s\n' "$(cat "$file")" "$(cat "$file")" | setsid psql --quiet --no-psqlrc --command "\\password $role" 2>&1) || {
    echo "the password of the role $role can't be set: $said" >&2
    exit 1
  }
  PGPASSWORD=$(cat "$file") psql --quiet --no-psqlrc --username $role --dbname postgres --command 'SELECT 1' >/dev/null
done

database() {
  if [ -z "$(ask --command "SELECT 1 FROM pg_database WHERE datname = '$1'")" ]; then
    ask --command "CREATE DATABASE $1 OWNER $2"
    echo "database $1 made"
  fi
  ask --command "REVOKE ALL ON DATABASE $1 FROM PUBLIC"
}
database temporal temporal
database temporal_visibility temporal
database perennial perennial

# A worker that has been here without the profile `local` has worked with an AWS account. It must not be led elsewhere by a later start.
if [ ! -s $S/worker/env ] && [ -n "$(ask --dbname perennial --command "SELECT 1 FROM pg_tables WHERE schemaname = 'public' LIMIT 1")" ]; then
  echo aws >$S/worker/kind
fi
