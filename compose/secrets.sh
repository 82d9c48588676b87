#!/bin/sh
# Makes the passwords that are not there yet, each where only those read it that need it. Nothing is known before the first start.
set -eu
umask 077

word() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

# keep <file> <uid> <content>: a file that stays as it is once it is there.
keep() {
  if [ ! -s "$1" ]; then
    printf '%s' "$3" >"$1.part"
    chown "$2" "$1.part"
    mv "$1.part" "$1"
    echo "made $1"
  fi
}

S=/run/perennial
keep $S/postgres/password 0 "$(word)"
keep $S/temporal/password 1000 "$(word)"
keep $S/ledger/password 1000 "$(word)"
keep $S/store/access-key 0 "registry"
keep $S/store/secret-key 0 "$(word)"
keep $S/registry/http-secret 0 "$(word)"

# Whoever reads a whole URL gets one. They follow the passwords: a password's file that was removed is one that changes.
url() {
  printf 'postgres://%s:%s@postgres:5432/%s' "$3" "$(cat "$4")" "$5" >"$1.part"
  chown "$2" "$1.part"
  mv "$1.part" "$1"
}
url $S/ledger/url 1000 perennial $S/ledger/password perennial
url $S/warehouse/url 1001 postgres $S/postgres/password postgres

# What leads the worker to the services of the profile `local`, whose job writes it: nothing otherwise. No secret is in it.
[ -e $S/worker/env ] || : >$S/worker/env
chmod 644 $S/worker/env
chown -R 1000 $S/worker
chmod 755 $S/worker
for folder in postgres temporal ledger store registry warehouse; do chmod 711 "$S/$folder"; done
