#!/bin/sh
# Make the namespace ready for workers; run again, it changes nothing but what is missing.
# TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE say which.
set -eu

RETENTION=720h
PATIENCE=60

# The namespace can be described a second or two before it can be used, so each step is tried again
# until the server accepts it: at most PATIENCE times, a second apart.
persist() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    if [ "$tries" -ge "$PATIENCE" ]; then
      echo "gave up after $tries tries: $*" >&2
      exit 1
    fi
    sleep 1
  done
}

register() {
  temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION"
}

# The attributes of schema/search_attributes.py. An attribute that exists already is no error.
add_attributes() {
  temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
    --name HoldfastApp --type Keyword \
    --name HoldfastTenant --type Keyword \
    --name HoldfastTrigger --type Keyword \
    --name HoldfastRunState --type Keyword \
    --name HoldfastMode --type Keyword \
    --name HoldfastFailedNodes --type KeywordList
}

persist register
persist temporal workflow list --namespace "$TEMPORAL_NAMESPACE" --limit 1
persist add_attributes
echo "namespace $TEMPORAL_NAMESPACE is ready"
