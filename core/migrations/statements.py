"""The exact SQL of a revision, up and down, without a database."""

from collections.abc import Sequence
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import SQLAlchemyError

from core.errors import SignalistError
from core.migrations import scripts

# What alembic writes around a revision, and what is not the revision's own doing.
_TRANSACTION = ("begin", "commit")
_OWN = ("insert into alembic_version", "update alembic_version", "delete from alembic_version")


class NotKnownBeforehand(SignalistError):
    """The SQL of this revision depends on what is in the database."""


class _Collector:
    """Takes what alembic prints, one statement a time: its text, and the empty line that follows, come in one write."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def write(self, text: str) -> int:
        statement = "\n".join(line for line in text.strip().splitlines() if not line.startswith("-- Running "))
        if statement := statement.strip().rstrip(";").strip():
            self.statements.append(statement)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def up(revision: str) -> tuple[str, ...]:
    """What an upgrade to `revision`, from the one below, runs. Raises NotFound and NotKnownBeforehand."""
    return plain(script_up(revision))


def script_up(revision: str) -> tuple[str, ...]:
    """The same with its transactions: where each begins and is committed, and what is outside of any."""
    below = scripts.below(revision)
    return _of(revision, "upgrade", f"{below}:{revision}" if below else revision)


def down(revision: str) -> tuple[str, ...]:
    """What taking `revision` back runs. Raises NotFound and NotKnownBeforehand; NotImplementedError: there is none."""
    return plain(script_down(revision))


def script_down(revision: str) -> tuple[str, ...]:
    """The same with its transactions."""
    return _of(revision, "downgrade", f"{revision}:{scripts.below(revision) or 'base'}")


def plain(script: Sequence[str]) -> tuple[str, ...]:
    """Without its transactions."""
    return tuple(statement for statement in script if not statement.lower().startswith(_TRANSACTION))


@cache
def _of(revision: str, direction: str, span: str) -> tuple[str, ...]:
    collector = _Collector()
    config = Config(output_buffer=collector)  # type: ignore[arg-type]
    config.set_main_option("script_location", str(scripts.SCRIPTS))
    try:
        with scripts.ALONE:
            getattr(command, direction)(config, span, sql=True)
    except (CommandError, SQLAlchemyError, AttributeError) as error:
        # A revision that reads rows gets no connection here.
        raise NotKnownBeforehand(f"The SQL of {revision} depends on what is in the database: read its file.") from error
    return tuple(s for s in collector.statements if not s.lower().startswith(_OWN) and not _is_version_table(s))


def _is_version_table(statement: str) -> bool:
    return "alembic_version" in statement.partition("(")[0]
