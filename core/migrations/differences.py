"""How the database differs from the models."""

from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.runtime.migration import MigrationContext

from core.migrations.scripts import ALONE
from core.migrations.standing import connected
from core.models import Base


def drift(url: str) -> tuple[str, ...]:
    """A line for each difference; nothing when they agree. Raises DatabaseUnavailable.

    Vector indexes are none: operations build and drop them, as many rows as there are ask for.
    """
    with connected(url) as connection, ALONE:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _is_ours})
        steps = produce_migrations(context, Base.metadata).upgrade_ops
        if not steps or steps.is_empty():
            return ()
        lines = render_python_code(steps).splitlines()
        return tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def _is_ours(found: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    if kind != "index" or not reflected:
        return True
    return found.dialect_options["postgresql"].get("using") not in {"ivfflat", "hnsw"}
