#!/bin/sh
# The namespace, and what the workflows tell about themselves to searches. Repeating it changes nothing.
set -eu
: "${TEMPORAL_NAMESPACE:=default}" "${RETENTION:=30d}"

# until_done <what is awaited> <command …>: for a minute; then tells what the command said last.
until_done() {
  what=$1
  shift
  left=60
  until answer=$("$@" 2>&1); do
    left=$((left - 1))
    if [ $left -eq 0 ]; then
      echo "$what: $answer" >&2
      exit 1
    fi
    sleep 1
  done
}
ask() { temporal --command-timeout 10s "$@"; }

# Its port answers before the server can.
until_done "Temporal at $TEMPORAL_ADDRESS is not healthy" ask operator cluster health
if ! answer=$(ask operator namespace describe --namespace "$TEMPORAL_NAMESPACE" 2>&1); then
  case "$answer" in
    *'not found'*) ask operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION" ;;
    *)
      echo "the namespace $TEMPORAL_NAMESPACE cannot be looked at: $answer" >&2
      exit 1
      ;;
  esac
fi

# A namespace that was just made is not seen at once.
until_done "the namespace $TEMPORAL_NAMESPACE is not there" ask operator search-attribute list --namespace "$TEMPORAL_NAMESPACE"
for name in Model Stage Outcome; do
  case "$answer" in
    *" $name "*) ;;
    *) ask operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name $name --type Keyword ;;
  esac
done
