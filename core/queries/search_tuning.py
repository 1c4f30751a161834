"""The setting that searches through an index use."""

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import SearchTuning


async def store(
    session: AsyncSession,
    *,
    index_name: str,
    mark: int | None,
    setting: str,
    value: int,
    recall: float,
    target: float,
) -> None:
    """Every search uses it from now on."""
    values = {
        "index_name": index_name,
        "mark": mark,
        "setting": setting,
        "value": value,
        "recall": recall,
        "target": target,
        "tuned_at": func.now(),
    }
    statement = insert(SearchTuning).values(values)
    await session.execute(statement.on_conflict_do_update(index_elements=["index_name"], set_=values))
