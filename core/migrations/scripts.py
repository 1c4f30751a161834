"""The revisions that this code carries."""

import threading
from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from core.errors import Misconfigured, NotFound

SCRIPTS = Path(__file__).parents[2] / "alembic"
# Alembic keeps what it works on in module globals: one thread at a time.
ALONE = threading.RLock()


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS))
    return made


def directory() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


@cache
def revisions() -> tuple[str, tuple[str, ...]]:
    """The head, and every revision, newest first. The files do not change under a running process.

    Raises Misconfigured when there are none, or when they have more than one head.
    """
    found = directory()
    heads = found.get_heads()
    if not heads:
        raise Misconfigured(f"No migrations were found in {SCRIPTS}.")
    if len(heads) > 1:
        raise Misconfigured(
            f"The migrations have {len(heads)} heads ({', '.join(heads)}): `alembic merge heads` joins them."
        )
    return heads[0], tuple(each.revision for each in found.walk_revisions())


def get(revision: str) -> Script:
    """The file of a revision. Raises NotFound."""
    found = directory().get_revision(revision) if revision in revisions()[1] else None
    if found is None:
        raise NotFound(f"There is no revision {revision}.")
    return found


def below(revision: str) -> str | None:
    """The revision that it builds on; None for the first."""
    down = get(revision).down_revision
    return down if isinstance(down, str) or down is None else down[0]
