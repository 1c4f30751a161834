"""What a person must know about a migration before approving it. Pure."""

from collections.abc import Mapping, Sequence

from core.migrations.locks import MOMENT, Lock
from core.operations.plan import Danger
from core.phrases import counted, size
from core.queries.table_sizes import TableSize

# A table of this many rows, or this size, is read or written for longer than a request waits: about 100 MB a second on
# a small server, and the whole queue behind the lock waits with it.
BIG_ROWS = 100_000
BIG_SIZE = 100 * 2**20


def dangers(locks: Sequence[Lock], sizes: Mapping[str, TableSize]) -> tuple[Danger, ...]:
    """The worst first."""
    found = [danger for lock in locks if (danger := _of(lock, sizes.get(lock.table or "")))]
    return tuple(sorted(dict.fromkeys(found), key=lambda d: d.severity != "danger"))


def _of(lock: Lock, table: TableSize | None) -> Danger | None:
    rows = table.rows if table else 0
    big = table is not None and (table.rows >= BIG_ROWS or table.size >= BIG_SIZE)
    where = f"{lock.table} ({counted(rows, 'row')}, {size(table.size)})" if table else lock.table or "the database"
    if lock.danger and "may not be null" in lock.danger:
        return Danger("danger" if rows else "warning", f"{where}: {lock.danger}")
    if lock.loses:
        return Danger("danger", f"loses {lock.loses}" + (f": {counted(rows, 'row')} now" if table else ""))
    if lock.danger:
        return Danger("danger" if big else "warning", f"{where}: {lock.danger}")
    if lock.blocks != "nothing" and lock.lasts != MOMENT and table is not None:
        return Danger("danger" if big else "warning", f"{where}: {lock.blocks} wait {lock.lasts}")
    return None
