"""Every test here runs on SQLite and on PostgreSQL."""

from tests.fixtures_db import (
    database,
    database_url,
    empty_database_url,
    event_log,
    postgres,
    postgres_server,
    postgres_template,
    sqlite_template,
)

__all__ = [
    "database",
    "database_url",
    "empty_database_url",
    "event_log",
    "postgres",
    "postgres_server",
    "postgres_template",
    "sqlite_template",
]
