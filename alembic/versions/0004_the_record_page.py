"""the record page: an index for each filter of the record of actions"""

from collections.abc import Sequence

from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = {
    "ix_records_latest": ["at", "id"],
    "ix_records_actor": ["actor", "at", "id"],
    "ix_records_action": ["action", "at", "id"],
    "ix_records_outcome": ["outcome", "at", "id"],
}


def upgrade() -> None:
    # No action is possible while the record cannot be written: nothing here may hold it up.
    with op.get_context().autocommit_block():
        for name, columns in INDEXES.items():
            op.create_index(name, "records", columns, unique=False, postgresql_concurrently=True)
        op.drop_index("ix_records_at", table_name="records", postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix_records_at", "records", ["at"], unique=False, postgresql_concurrently=True)
        for name in reversed(INDEXES):
            op.drop_index(name, table_name="records", postgresql_concurrently=True)
