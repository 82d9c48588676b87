#!/bin/sh
# The namespace, and what the workflows tell about themselves to searches. Repeating it changes nothing.
set -eu
: "${TEMPORAL_NAMESPACE:=default}" "${RETENTION:=30d}"

# Its port answers before the server can.
left=60
until temporal operator cluster health >/dev/null 2>&1; do
  left=$((left - 1))
  [ $left -gt 0 ] || { echo "Temporal at $TEMPORAL_ADDRESS is not healthy after a minute: docker compose logs temporal" >&2; exit 1; }
  sleep 1
done

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
  temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
fi

# A namespace that was just made is not seen at once.
left=60
until known=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" 2>/dev/null); do
  left=$((left - 1))
  [ $left -gt 0 ] || { echo "the namespace $TEMPORAL_NAMESPACE does not show after a minute" >&2; exit 1; }
  sleep 1
done
for name in Model Stage Outcome; do
  case "$known" in
    *" $name "*) ;;
    *) temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name $name --type Keyword ;;
  esac
done
