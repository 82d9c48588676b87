#!/bin/sh
# The store's buckets: the registry's, and those that BUCKETS names beside it. What is there stays.
set -eu
ADMIN_ACCESS_KEY=$(cat /run/perennial/store/access-key)
ADMIN_SECRET_KEY=$(cat /run/perennial/store/secret-key)
export ADMIN_ACCESS_KEY ADMIN_SECRET_KEY

known=$(versitygw admin list-buckets)
for bucket in $BUCKETS; do
  if ! echo "$known" | grep -q "^$bucket[[:space:]]"; then
    versitygw admin create-bucket --bucket "$bucket" --owner "$ADMIN_ACCESS_KEY"
    echo "bucket $bucket made"
  fi
done
