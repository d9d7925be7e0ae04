"""Tables of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_artifact_references()
    _create_conversation_variables()
    _create_node_executions()
    _create_run_events()
    _create_run_heads()
    _create_runs()


def downgrade() -> None:
    op.drop_table("runs")
    op.drop_table("run_heads")
    op.drop_table("run_events")
    op.drop_table("node_executions")
    op.drop_table("conversation_variables")
    op.drop_table("artifact_references")


def _create_artifact_references() -> None:
    op.create_table(
        "artifact_references",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", "run_id", name="pk_artifact_references"),
    )
    op.create_index("ix_artifact_references_run_id", "artifact_references", ["run_id"])


def _create_conversation_variables() -> None:
    op.create_table(
        "conversation_variables",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value_type", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "app_id", "conversation_id", "name", name="pk_conversation_variables"
        ),
    )


def _create_node_executions() -> None:
    op.create_table(
        "node_executions",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("node_exec_id", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("predecessor_node_id", sa.Text(), nullable=True),
        sa.Column("node_id", sa.Text(), nullable=False),
        sa.Column("node_type", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("iteration_id", sa.Text(), nullable=True),
        sa.Column("iteration_index", sa.Integer(), nullable=True),
        sa.Column("loop_id", sa.Text(), nullable=True),
        sa.Column("loop_index", sa.Integer(), nullable=True),
        sa.Column("inputs", sa.Text(), nullable=True),
        sa.Column("process_data", sa.Text(), nullable=True),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("elapsed_time", sa.Float(), nullable=False),
        sa.Column("execution_metadata", sa.Text(), nullable=True),
        sa.Column("total_tokens", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=True),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("effect_starts", sa.Integer(), nullable=False),
        sa.Column("given_back", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_start", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "node_exec_id", "attempt", name="pk_node_executions"),
    )


def _create_run_events() -> None:
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("node_exec_id", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("src", sa.String(), nullable=False),
        sa.Column("src_seq", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name="pk_run_events"),
        sa.UniqueConstraint("run_id", "src", "src_seq", name="uq_run_events_run_id_src_src_seq"),
    )


def _create_run_heads() -> None:
    op.create_table(
        "run_heads",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stop_requested", sa.Boolean(), nullable=False),
        sa.Column("temporal_run_id", sa.String(), nullable=True),
        sa.Column("was_reset", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_heads"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("triggered_from", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("plan_sha", sa.String(), nullable=False),
        sa.Column("interp", sa.Integer(), nullable=False),
        sa.Column("run_input", sa.Text(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("elapsed_time", sa.Float(), nullable=False),
        sa.Column("total_tokens", sa.BigInteger(), nullable=False),
        sa.Column("total_steps", sa.Integer(), nullable=False),
        sa.Column("exceptions_count", sa.Integer(), nullable=False),
        sa.Column("created_by_role", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("finished_at", sa.Float(), nullable=True),
        sa.Column("parent_run_id", sa.String(), nullable=True),
        sa.Column("seed_run_id", sa.String(), nullable=True),
        sa.Column("temporal_workflow_id", sa.String(), nullable=False),
        sa.Column("stop_command_id", sa.String(), nullable=True),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
    )
    op.create_index("ix_runs_status_created_at", "runs", ["status", "created_at"])
    op.create_index(
        "ix_runs_tenant_id_created_at_run_id", "runs", ["tenant_id", "created_at", "run_id"]
    )
