#!/bin/sh
# Temporal's tables, made or brought to the version of this image.
set -eu
SQL_PASSWORD=$(cat /run/perennial/temporal/password)
export SQL_PASSWORD
log=$(mktemp)

for database in temporal temporal_visibility; do
  folder=${database#temporal_}
  tool() { temporal-sql-tool --plugin postgres12 --endpoint postgres --port 5432 --user temporal --database "$database" "$@"; }
  # It tells of every statement: worth reading only where one fails.
  for task in 'setup-schema --version 0.0' "update-schema --schema-name postgresql/v12/$folder"; do
    # shellcheck disable=SC2086
    tool $task >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  done
  grep -ho 'Schema updated from.* to [0-9.]*' "$log" | tail -n 1 | sed "s/^/$database: /"
done
