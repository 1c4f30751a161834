"""operations, and what is known of the vector index"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# The ways between the states, as core.operations.states has them (a test holds the two together), and the promise that
# what was approved is what runs.
GUARD = """
create function guard_operation() returns trigger language plpgsql as $$
begin
    if old.state is distinct from new.state and not (old.state, new.state) in (
        ('proposed', 'approved'), ('proposed', 'cancelled'), ('proposed', 'expired'), ('proposed', 'withdrawn'),
        ('approved', 'running'), ('approved', 'cancelled'), ('approved', 'withdrawn'),
        ('running', 'verifying'), ('running', 'paused'), ('running', 'rolling back'),
        ('verifying', 'done'), ('verifying', 'rolling back'), ('verifying', 'failed'),
        ('paused', 'approved'), ('paused', 'cancelled'),
        ('rolling back', 'rolled back'), ('rolling back', 'cancelled'), ('rolling back', 'failed')
    ) then
        raise exception 'an operation cannot go from % to %', old.state, new.state using errcode = 'check_violation';
    end if;
    if old.state <> 'proposed' and (old.kind, old.parameters, old.matters, old.plan, old.plan_hash, old.approved_by)
        is distinct from (new.kind, new.parameters, new.matters, new.plan, new.plan_hash, new.approved_by) then
        raise exception 'the plan of an operation is fixed once it is %', old.state using errcode = 'check_violation';
    end if;
    return new;
end
$$
"""
TRIGGER = """
create trigger guard_operation before update on operations for each row execute function guard_operation()
"""


def upgrade() -> None:
    op.create_table(
        "index_builds",
        sa.Column("mark", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("options", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("halfvec", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("built_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("operation_id", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_index_builds")),
    )
    op.create_table(
        "index_measurements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("index_name", sa.Text(), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=True),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("recall_low", sa.Double(), nullable=False),
        sa.Column("recall_high", sa.Double(), nullable=False),
        sa.Column("p50_ms", sa.Double(), nullable=False),
        sa.Column("p95_ms", sa.Double(), nullable=False),
        sa.Column("exact_p50_ms", sa.Double(), nullable=False),
        sa.Column("exact_p95_ms", sa.Double(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("operation_id", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_measurements")),
    )
    op.create_index("ix_index_measurements_at", "index_measurements", ["index_name", "at"], unique=False)
    op.create_table(
        "operations",
        sa.Column("id", sa.UUID(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("exclusive", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("matters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("plan_hash", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("explored_s", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), server_default="1", nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_by", sa.Text(), nullable=True),
        sa.Column("second_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("progress", sa.Double(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("stop", sa.Text(), nullable=True),
        sa.Column("stop_by", sa.Text(), nullable=True),
        sa.Column("runner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("takeovers", sa.Integer(), server_default="0", nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state in ('proposed', 'approved', 'running', 'verifying', 'paused', 'rolling back', 'done', 'rolled back', 'failed', 'cancelled', 'expired', 'withdrawn')",
            name=op.f("ck_operations_state"),
        ),
        sa.CheckConstraint(
            "second_by is distinct from approved_by or second_by is null", name=op.f("ck_operations_two_people")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    op.create_index("ix_operations_newest", "operations", ["planned_at", "id"], unique=False)
    op.create_index("ix_operations_state", "operations", ["state", "planned_at"], unique=False)
    op.create_index(
        "uq_operations_active",
        "operations",
        ["exclusive"],
        unique=True,
        postgresql_where=sa.text("state in ('approved', 'running', 'verifying', 'paused', 'rolling back')"),
    )
    op.create_index(
        "uq_operations_cause", "operations", ["cause"], unique=True, postgresql_where=sa.text("state = 'proposed'")
    )
    op.create_table(
        "search_tuning",
        sa.Column("index_name", sa.Text(), nullable=False),
        sa.Column("mark", sa.Integer(), nullable=True),
        sa.Column("setting", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("recall", sa.Double(), nullable=False),
        sa.Column("target", sa.Double(), nullable=False),
        sa.Column("tuned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("index_name", name=op.f("pk_search_tuning")),
    )
    op.create_table(
        "operation_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("operation_id", sa.UUID(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"],
            ["operations.id"],
            name=op.f("fk_operation_lines_operation_id_operations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_lines")),
    )
    op.create_index("ix_operation_lines_operation", "operation_lines", ["operation_id", "id"], unique=False)
    op.execute(GUARD)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("drop trigger guard_operation on operations")
    op.drop_index("ix_operation_lines_operation", table_name="operation_lines")
    op.drop_table("operation_lines")
    op.drop_table("search_tuning")
    op.drop_index("uq_operations_cause", table_name="operations", postgresql_where=sa.text("state = 'proposed'"))
    op.drop_index(
        "uq_operations_active",
        table_name="operations",
        postgresql_where=sa.text("state in ('approved', 'running', 'verifying', 'paused', 'rolling back')"),
    )
    op.drop_index("ix_operations_state", table_name="operations")
    op.drop_index("ix_operations_newest", table_name="operations")
    op.drop_table("operations")
    op.drop_index("ix_index_measurements_at", table_name="index_measurements")
    op.drop_table("index_measurements")
    op.drop_table("index_builds")
    op.execute("drop function guard_operation()")
