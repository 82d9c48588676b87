#!/bin/sh
# The store's buckets: the registry's, and those that BUCKETS names beside it. What is there stays.
set -eu
ADMIN_ACCESS_KEY=$(cat /run/perennial/store/access-key)
ADMIN_SECRET_KEY=$(cat /run/perennial/store/secret-key)
export ADMIN_ACCESS_KEY ADMIN_SECRET_KEY

# Also where all containers start at once, as with `docker compose restart`.
left=60
until known=$(versitygw admin list-buckets); do
  left=$((left - 1))
  [ $left -gt 0 ] || exit 1
  sleep 1
done
for bucket in registry $BUCKETS; do
  if ! echo "$known" | grep -q "^$(echo "$bucket" | sed 's/[.]/\\./g')[[:space:]]"; then
    versitygw admin create-bucket --bucket "$bucket" --owner "$ADMIN_ACCESS_KEY"
    echo "bucket $bucket made"
    known="$known
$bucket "
  fi
done
