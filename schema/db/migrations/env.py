"""Runs the migrations on the connection that `schema/db/migrate.py` gives."""

from alembic import context

from schema.db import tables
from schema.db.base import metadata

assert tables.runs.metadata is metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
