"""What a query really does: the plans that Postgres makes for its statements."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database

Query = Callable[[AsyncSession], Awaitable[object]]


@pytest.fixture
def scanned(database: Database) -> Callable[[Query], Awaitable[set[str]]]:
    """`await scanned(query)` runs it and names the tables that one of its statements reads from end to end.

    With the planner's settings as they are: an index that it would not choose is an index that is not used.
    """

    async def names(query: Query) -> set[str]:
        statements: list[tuple[str, Any]] = []

        def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
            statements.append((statement, parameters))

        async with database.session() as session:
            connection = await session.connection()
            event.listen(connection.sync_connection, "before_cursor_execute", note)
            await query(session)
            event.remove(connection.sync_connection, "before_cursor_execute", note)
            driver: Any = (await connection.get_raw_connection()).driver_connection
            found: set[str] = set()
            for statement, parameters in statements:
                cursor = await driver.execute(f"explain (format json) {statement}", parameters)
                ((plans,),) = await cursor.fetchall()
                found.update(
                    node["Relation Name"] for node in _nodes(plans[0]["Plan"]) if node["Node Type"] == "Seq Scan"
                )
        assert statements
        return found

    return names


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)
