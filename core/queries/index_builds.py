"""What earlier builds of vector indexes took."""

import uuid
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.indexes.shape import Shape
from core.models import IndexBuild


@dataclass(frozen=True)
class EarlierBuild:
    """`seconds` that a build of that many `rows` took."""

    rows: int
    seconds: float


async def earlier(session: AsyncSession, shape: Shape) -> EarlierBuild | None:
    """The last build here with the same method and options; None when there was none."""
    query = (
        select(IndexBuild.rows, IndexBuild.seconds)
        .where(
            IndexBuild.method == shape.method, IndexBuild.options == shape.options, IndexBuild.halfvec == shape.halfvec
        )
        .order_by(IndexBuild.built_at.desc())
        .limit(1)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else EarlierBuild(*row)


async def add(
    session: AsyncSession,
    *,
    mark: int,
    shape: Shape,
    rows: int,
    size: int,
    seconds: float,
    revision: str | None,
    operation_id: uuid.UUID | None,
) -> None:
    """Remembers a build; doing so again changes nothing."""
    values = {
        "mark": mark,
        "method": shape.method,
        "options": shape.options,
        "halfvec": shape.halfvec,
        "rows": rows,
        "size": size,
        "seconds": seconds,
        "revision": revision,
        "operation_id": operation_id,
    }
    await session.execute(insert(IndexBuild).values(values).on_conflict_do_nothing())
