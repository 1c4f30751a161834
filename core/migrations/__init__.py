"""The schema: where it stands, what a revision does, and moving it."""

from core.migrations.differences import drift
from core.migrations.move import How, downgrade, upgrade
from core.migrations.standing import MigrationStatus, Revision, compare, has_tables, history, keeps_operations, status

__all__ = [
    "How",
    "MigrationStatus",
    "Revision",
    "compare",
    "downgrade",
    "drift",
    "has_tables",
    "history",
    "keeps_operations",
    "status",
    "upgrade",
]
