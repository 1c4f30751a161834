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
            _build(name, columns)
        _drop("ix_records_at")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        _build("ix_records_at", ["at"])
        for name in reversed(INDEXES):
            _drop(name)


def _build(name: str, columns: Sequence[str]) -> None:
    # Each statement stands alone: a revision that was cut short begins anew, and one that was cut short in a build has
    # left an index that is not valid.
    _drop(name)
    op.create_index(name, "records", list(columns), unique=False, postgresql_concurrently=True)


def _drop(name: str) -> None:
    op.drop_index(name, table_name="records", postgresql_concurrently=True, if_exists=True)
