"""Which lock a statement takes, on what, for how long, and what it loses. Pure.

From the manual of Postgres 18: "Explicit Locking" (13.3.1) and the notes of ALTER TABLE, CREATE INDEX and DROP INDEX.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Blocks = Literal["nothing", "writes", "reads and writes"]
Lasts = Literal["a moment", "while every row is read", "while every row is written anew", "while the index is built"]

MOMENT: Lasts = "a moment"
SCAN: Lasts = "while every row is read"
REWRITE: Lasts = "while every row is written anew"
BUILD: Lasts = "while the index is built"


@dataclass(frozen=True)
class Lock:
    """`table` is None where none that was there before is touched; `loses` says what data goes, None for none.

    `danger` is a sentence about what is wrong with it on a table in use, whatever its size; None: nothing.
    """

    statement: str
    table: str | None
    mode: str
    blocks: Blocks
    lasts: Lasts
    loses: str | None = None
    danger: str | None = None

    @property
    def words(self) -> str:
        """`ACCESS EXCLUSIVE on articles: blocks reads and writes for a moment`."""
        if self.table is None:
            return "none on tables in use"
        how_long = f"for {self.lasts}" if self.lasts == MOMENT else self.lasts
        return f"{self.mode} on {self.table}: blocks {self.blocks}" + (
            f" {how_long}" if self.blocks != "nothing" else ""
        )


_FLAGS = re.IGNORECASE | re.DOTALL
_NAME = r'(?P<table>(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)'
_ALTER = rf"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?{_NAME}\s+"
_VOLATILE = re.compile(
    r"\bdefault\s+\(?(?:gen_random_uuid|uuidv?\w*|random|clock_timestamp|nextval|timeofday)\b", _FLAGS
)
_CONSTRAINT = r"add\s+(?:constraint\s+(?:\"[^\"]+\"|\w+)\s+)?"

Judge = Callable[[str, str | None], Lock]


def _plain(mode: str, blocks: Blocks, lasts: Lasts = MOMENT) -> Judge:
    return lambda statement, table: Lock(statement, table, mode, blocks, lasts)


def _losing(what: str) -> Judge:
    def judge(statement: str, table: str | None) -> Lock:
        loses = what.format(table=table, part=_part(statement))
        return Lock(statement, table, "ACCESS EXCLUSIVE", "reads and writes", MOMENT, loses=loses)

    return judge


def _part(statement: str) -> str:
    found = re.search(r"drop\s+(?:(?:column|constraint)\s+)?(?:if\s+exists\s+)?(\"[^\"]+\"|\w+)", statement, _FLAGS)
    return found[1].strip('"') if found else ""


def _add_column(statement: str, table: str | None) -> Lock:
    required = re.search(r"\bnot\s+null\b", statement, _FLAGS) and not re.search(r"\bdefault\b", statement, _FLAGS)
    if required:
        danger = "a column that may not be null and has no default: it fails as soon as the table has a row"
        return Lock(statement, table, "ACCESS EXCLUSIVE", "reads and writes", SCAN, danger=danger)
    lasts: Lasts = MOMENT
    # The one that lasts longest decides.
    for word, how_long in (
        # Without a default the new column is null everywhere, and no reference has to be looked for.
        (r"(?:check|default\b.*\breferences|references\b.*\bdefault)", SCAN),
        (r"(?:unique|primary\s+key)", BUILD),
        (r"(?:generated|identity|(?:big|small)?serial)", REWRITE),
    ):
        if re.search(rf"\b{word}\b", statement, _FLAGS):
            lasts = how_long
    if _VOLATILE.search(statement):
        lasts = REWRITE
    return Lock(statement, table, "ACCESS EXCLUSIVE", "reads and writes", lasts)


def _index(statement: str, table: str | None) -> Lock:
    danger = "an index that is not built concurrently: writes wait until it is done"
    return Lock(statement, table, "SHARE", "writes", BUILD, danger=danger)


def _sweeping(statement: str, table: str | None) -> Lock:
    loses = f"what goes with it: {' '.join(statement.split())}"
    return Lock(statement, table, "ACCESS EXCLUSIVE", "reads and writes", MOMENT, loses=loses)


def _delete(statement: str, table: str | None) -> Lock:
    return Lock(statement, table, "ROW EXCLUSIVE", "nothing", SCAN, loses=f"rows of {table}")


# Modes: what they keep from whom, and for how long.
_QUIET = _plain("SHARE UPDATE EXCLUSIVE", "nothing")
_QUIET_BUILD = _plain("SHARE UPDATE EXCLUSIVE", "nothing", BUILD)
_QUIET_SCAN = _plain("SHARE UPDATE EXCLUSIVE", "nothing", SCAN)
_NO_WRITES = _plain("SHARE ROW EXCLUSIVE", "writes")
_NO_WRITES_SCAN = _plain("SHARE ROW EXCLUSIVE", "writes", SCAN)
_NOTHING_ELSE = _plain("ACCESS EXCLUSIVE", "reads and writes")
_NOTHING_ELSE_SCAN = _plain("ACCESS EXCLUSIVE", "reads and writes", SCAN)
_NOTHING_ELSE_REWRITE = _plain("ACCESS EXCLUSIVE", "reads and writes", REWRITE)
_NOTHING_ELSE_BUILD = _plain("ACCESS EXCLUSIVE", "reads and writes", BUILD)

# The first that fits decides. An ALTER TABLE with several actions is split before.
_RULES: tuple[tuple[str, Judge], ...] = (
    (r"create\s+(unique\s+)?index\s+concurrently\b.*?\bon\s+(?:only\s+)?" + _NAME, _QUIET_BUILD),
    (r"create\s+(unique\s+)?index\b.*?\bon\s+(?:only\s+)?" + _NAME, _index),
    (r"drop\s+index\s+concurrently\b", _QUIET),
    (r"drop\s+index\b", _NOTHING_ELSE),
    (r"reindex\s+.*\bconcurrently\b", _QUIET_BUILD),
    (r"reindex\b", _NOTHING_ELSE_BUILD),
    (r"alter\s+index\b.*\brename\b", _QUIET),
    (_ALTER + r"add\s+(?:column\s+)?(?!constraint|primary|unique|foreign|check|exclude)", _add_column),
    (_ALTER + r"drop\s+constraint", _NOTHING_ELSE),
    (_ALTER + r"drop\s+", _losing("the column {part} of {table} with what is in it")),
    (_ALTER + r"validate\s+constraint", _QUIET_SCAN),
    (_ALTER + _CONSTRAINT + r"foreign\s+key.*\bnot\s+valid\b", _NO_WRITES),
    (_ALTER + _CONSTRAINT + r"foreign\s+key", _NO_WRITES_SCAN),
    (_ALTER + _CONSTRAINT + r"check.*\bnot\s+valid\b", _NOTHING_ELSE),
    (_ALTER + _CONSTRAINT + r"check", _NOTHING_ELSE_SCAN),
    (_ALTER + _CONSTRAINT + r"(?:unique|primary\s+key)\s+using\s+index", _NOTHING_ELSE),
    (_ALTER + _CONSTRAINT + r"(?:unique|primary|exclude)", _NOTHING_ELSE_BUILD),
    (_ALTER + r"alter\s+(?:column\s+)?\S+\s+set\s+not\s+null", _NOTHING_ELSE_SCAN),
    (_ALTER + r"alter\s+(?:column\s+)?\S+\s+(?:set\s+data\s+)?type", _NOTHING_ELSE_REWRITE),
    (_ALTER + r"alter\s+(?:column\s+)?\S+\s+set\s+statistics", _QUIET),
    (_ALTER + r"set\s+(?:logged|unlogged|tablespace|access)", _NOTHING_ELSE_REWRITE),
    (_ALTER, _NOTHING_ELSE),
    (r"drop\s+table\s+(?:if\s+exists\s+)?" + _NAME, _losing("the table {table} with all its rows")),
    (r"truncate\s+(?:table\s+)?(?:only\s+)?" + _NAME, _losing("all rows of {table}")),
    (r"create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\b.*?\bon\s+" + _NAME, _NO_WRITES),
    (r"drop\s+trigger\b.*?\bon\s+" + _NAME, _NOTHING_ELSE),
    (r"delete\s+from\s+(?:only\s+)?" + _NAME, _delete),
    (r"update\s+(?:only\s+)?" + _NAME, _plain("ROW EXCLUSIVE", "nothing", SCAN)),
    (r"insert\s+into\s+" + _NAME, _plain("ROW EXCLUSIVE", "nothing")),
    (r"(?:vacuum\s+full|cluster)\b", _NOTHING_ELSE_REWRITE),
    (r"drop\s+(?:schema|extension|owned|database|materialized|type|domain)\b", _sweeping),
    (r"drop\s+.*\bcascade\b", _sweeping),
    (r"drop\s+(?:function|procedure|aggregate|view|rule|policy|role|statistics)\b", _plain("none", "nothing")),
    # A block (DO) may do anything: like all that has no rule here, it is for a person to read.
    (r"(?:create|alter|comment|grant|revoke|analyze|set|select)\b", _plain("none", "nothing")),
)
_COMPILED = tuple((re.compile(pattern, _FLAGS), judge) for pattern, judge in _RULES)


def of(statements: Sequence[str], index_tables: Mapping[str, str] = MappingProxyType({})) -> tuple[Lock, ...]:
    """A lock for each statement (each part of an ALTER TABLE), in their order. What the statements themselves create
    is not in use yet. `index_tables`: whose index is whose, for DROP INDEX, which does not say."""
    fresh: set[str] = set()
    found = []
    for statement in statements:
        if created := re.match(rf"create\s+table\s+(?:if\s+not\s+exists\s+)?{_NAME}", statement, _FLAGS):
            fresh.add(_clean(created["table"]))
            found += list(_references(statement, fresh))
            continue
        for part in _parts(statement):
            lock = _judge(part, index_tables)
            found.append(Lock(part, None, "none", "nothing", MOMENT) if lock.table in fresh else lock)
    return tuple(found)


def _references(statement: str, fresh: set[str]) -> Iterator[Lock]:
    """A new table with a foreign key locks the one that it points to, for a moment."""
    others = {_clean(name) for name in re.findall(r"references\s+((?:\"[^\"]+\"|\w+))", statement, _FLAGS)} - fresh
    if not others:
        yield Lock(statement, None, "none", "nothing", MOMENT)
    for other in sorted(others):
        yield Lock(statement, other, "SHARE ROW EXCLUSIVE", "writes", MOMENT)


_OF_INDEX = re.compile(
    r"(?:drop|alter)\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?(?:\w+\.)?(\"[^\"]+\"|\w+)", _FLAGS
)


def _judge(statement: str, index_tables: Mapping[str, str]) -> Lock:
    for pattern, judge in _COMPILED:
        if match := pattern.match(statement.strip()):
            table = match.groupdict().get("table")
            if table is None and (index := _OF_INDEX.match(statement.strip())):
                table = index_tables.get(_clean(index[1]), index[1])
            return judge(statement, _clean(table) if table else None)
    danger = "a statement whose lock is not known here: read it"
    return Lock(statement, None, "not known", "reads and writes", MOMENT, danger=danger)


def _clean(name: str) -> str:
    return name.replace('"', "").removeprefix("public.")


def _parts(statement: str) -> list[str]:
    """`ALTER TABLE a ADD b int, DROP c` as two statements; everything else as it is."""
    head = re.match(_ALTER, statement, _FLAGS)
    if not head:
        return [statement]
    parts, depth, start = [], 0, head.end()
    for place, letter in enumerate(statement):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0 and place > head.end():
            parts.append(statement[start:place])
            start = place + 1
    parts.append(statement[start:])
    return [f"{head[0].strip()} {part.strip()}" for part in parts]
