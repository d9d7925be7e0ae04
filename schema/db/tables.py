"""The tables of runs: rows without behaviour, read and written by `event_log` alone.

Times are seconds since the epoch. Columns of values hold text of `schema/values/encoding.py`. The
fields are those of Dify's `workflow_runs` and `workflow_node_executions` (dify-platform 8.1); what
every node row of a run would repeat (tenant, app, definition, creator) stands in the run's row
only.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from schema.db.base import AuthorText, KeyText, metadata

runs = Table(
    "runs",
    metadata,
    Column("run_id", KeyText, primary_key=True),
    Column("tenant_id", KeyText, nullable=False),
    Column("app_id", KeyText, nullable=False),
    Column("workflow_id", KeyText, nullable=False),
    Column("conversation_id", KeyText),
    Column("type", KeyText, nullable=False),
    Column("triggered_from", KeyText, nullable=False),
    Column("trigger", KeyText, nullable=False),
    Column("version", KeyText, nullable=False),
    Column("plan_sha", KeyText, nullable=False),
    Column("interp", Integer, nullable=False),
    # The whole RunInput, and in it the graph: Dify's column `graph`.
    Column("run_input", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("status", KeyText, nullable=False),
    Column("outputs", Text),
    Column("error", AuthorText),
    Column("error_type", AuthorText),
    Column("elapsed_time", Float, nullable=False),
    Column("total_tokens", BigInteger, nullable=False),
    Column("total_steps", Integer, nullable=False),
    Column("exceptions_count", Integer, nullable=False),
    Column("created_by_role", KeyText, nullable=False),
    Column("created_by", KeyText, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("parent_run_id", KeyText),
    Column("seed_run_id", KeyText),
    Column("temporal_workflow_id", KeyText, nullable=False),
    Column("stop_command_id", KeyText),
    Column("stop_reason", AuthorText),
    Index(None, "tenant_id", "created_at", "run_id"),
    Index(None, "status", "created_at"),
)
"""One row a run; written when it starts, pauses, resumes and ends."""

run_heads = Table(
    "run_heads",
    metadata,
    Column("run_id", KeyText, primary_key=True),
    Column("tenant_id", KeyText, nullable=False),
    Column("app_id", KeyText, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("state", KeyText, nullable=False),
    Column("stop_requested", Boolean(create_constraint=False), nullable=False),
    # The Temporal run that owns the workflow facts now.
    Column("temporal_run_id", KeyText),
    Column("was_reset", Boolean(create_constraint=False), nullable=False),
    # Pauses and resumptions that the workflow has applied: odd while it is paused.
    Column("pauses", Integer, nullable=False, server_default="0"),
)
"""What every writer locks and updates; narrow, because that is often. Whose run it is stands here
too, so that the lock is the tenant check."""

node_executions = Table(
    "node_executions",
    metadata,
    Column("run_id", KeyText, nullable=False),
    Column("node_exec_id", KeyText, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("path", AuthorText, nullable=False),
    Column("index", Integer, nullable=False),
    Column("predecessor_node_id", AuthorText),
    Column("node_id", AuthorText, nullable=False),
    Column("node_type", AuthorText, nullable=False),
    Column("title", AuthorText, nullable=False),
    Column("iteration_id", AuthorText),
    Column("iteration_index", Integer),
    Column("loop_id", AuthorText),
    Column("loop_index", Integer),
    Column("inputs", Text),
    Column("process_data", Text),
    Column("outputs", Text),
    Column("status", KeyText, nullable=False),
    Column("handle", AuthorText),
    Column("error", AuthorText),
    Column("error_type", AuthorText),
    Column("elapsed_time", Float, nullable=False),
    Column("execution_metadata", Text),
    Column("total_tokens", BigInteger, nullable=False),
    Column("created_at", Float),
    Column("finished_at", Float),
    Column("effect_starts", Integer, nullable=False),
    Column("given_back", Integer, nullable=False),
    Column("outcome", Text),
    Column("outcome_start", Integer),
    PrimaryKeyConstraint("run_id", "node_exec_id", "attempt"),
)
"""One row a try of a node execution: its record, its outcome and its effect starts."""

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", KeyText, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("type", KeyText, nullable=False),
    Column("node_exec_id", KeyText),
    Column("attempt", Integer),
    Column("src", KeyText, nullable=False),
    Column("src_seq", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    PrimaryKeyConstraint("run_id", "seq"),
    UniqueConstraint("run_id", "src", "src_seq"),
)
"""The facts. `seq` orders a run's facts; `src` names the writer, `src_seq` counts inside it."""

conversation_variables = Table(
    "conversation_variables",
    metadata,
    Column("tenant_id", KeyText, nullable=False),
    Column("app_id", KeyText, nullable=False),
    Column("conversation_id", KeyText, nullable=False),
    Column("name", KeyText, nullable=False),
    Column("value_type", KeyText, nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    PrimaryKeyConstraint("tenant_id", "app_id", "conversation_id", "name"),
)
"""What chatflows remember; written by the transaction that inserts the fact."""

run_secrets = Table(
    "run_secrets",
    metadata,
    Column("tenant_id", KeyText, nullable=False),
    Column("run_id", KeyText, nullable=False),
    Column("name", KeyText, nullable=False),
    Column("key_id", KeyText, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("run_id", "name"),
    Index(None, "key_id"),
)
"""What runs must not show, encrypted (schema/run_secrets.py); gone with the run."""

artifact_references = Table(
    "artifact_references",
    metadata,
    Column("tenant_id", KeyText, nullable=False),
    Column("sha256", KeyText, nullable=False),
    Column("run_id", KeyText, nullable=False),
    PrimaryKeyConstraint("tenant_id", "sha256", "run_id"),
    Index(None, "run_id"),
)
"""Which runs name an artifact, so that `purge` knows which ones nobody needs any more."""
