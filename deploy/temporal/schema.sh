#!/bin/sh
# Bring Temporal's two databases to the schema of this server; run again, it upgrades them in place.
# The connection comes from SQL_* variables; the databases exist (deploy/postgresql).
set -eu

migrate() {
  database=$1
  schema=$2
  echo "Temporal database $database: schema $schema"
  temporal-sql-tool --database "$database" setup-schema --version 0.0
  temporal-sql-tool --database "$database" update-schema --schema-name "$schema"
}

migrate temporal postgresql/v12/temporal
migrate temporal_visibility postgresql/v12/visibility
