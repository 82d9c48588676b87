#!/bin/sh
# The namespace, and what the workflows tell about themselves to searches. Repeating it changes nothing.
set -eu
: "${TEMPORAL_NAMESPACE:=default}" "${RETENTION:=30d}"

# until_done <what is wrong> <command …>: for two minutes; then tells what the command said last.
until_done() {
  what=$1
  shift
  end=$(($(date +%s) + 120))
  until answer=$("$@" 2>&1); do
    if [ "$(date +%s)" -gt $end ]; then
      echo "$what: $answer" >&2
      exit 1
    fi
    sleep 1
  done
}
ask() { temporal --command-timeout 10s "$@"; }

# Whether the namespace is there; 1 where that can't be told.
look() {
  said=$(ask operator namespace describe --namespace "$TEMPORAL_NAMESPACE" 2>&1) && echo there && return
  case "$said" in
    *'not found'*) echo absent ;;
    *)
      echo "$said"
      return 1
      ;;
  esac
}

# Its port answers before the server can.
until_done "Temporal at $TEMPORAL_ADDRESS is not healthy" ask operator cluster health
until_done "the namespace $TEMPORAL_NAMESPACE cannot be looked at" look
[ "$answer" = there ] || ask operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"

# A namespace that was just made is not seen at once.
until_done "the namespace $TEMPORAL_NAMESPACE is not there" ask operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"
for name in Model Stage Outcome; do
  case "$answer" in
    *" $name "*) ;;
    *) ask operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name $name --type Keyword ;;
  esac
done
