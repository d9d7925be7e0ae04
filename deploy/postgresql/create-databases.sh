#!/bin/bash
# Run once by the postgres image on an empty data directory: a role and databases for each of the two
# users. Temporal's records and ours are apart, so each can be moved, restored or dropped alone.
set -euo pipefail

psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" \
  --set=holdfast_password="$HOLDFAST_DATABASE_PASSWORD" \
  --set=temporal_password="$TEMPORAL_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE holdfast LOGIN PASSWORD :'holdfast_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE holdfast OWNER holdfast ENCODING 'UTF8';
CREATE DATABASE temporal OWNER temporal ENCODING 'UTF8';
CREATE DATABASE temporal_visibility OWNER temporal ENCODING 'UTF8';
SQL
