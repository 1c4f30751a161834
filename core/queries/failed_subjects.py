"""What failed jobs are about, by name."""

import uuid
from collections.abc import Collection, Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.models import Article, Feed
from core.queues.catalogue import Subject


async def titles(
    session: AsyncSession, about: Mapping[Subject, Collection[uuid.UUID]]
) -> dict[tuple[Subject, uuid.UUID], str]:
    """Titles of these articles and feeds, as far as there are any (any more)."""
    found: dict[tuple[Subject, uuid.UUID], str] = {}
    if articles := about.get("article"):
        rows = await session.execute(select(Article.id, Article.title).where(Article.id.in_(list(articles))))
        found |= {("article", row[0]): row[1] for row in rows if row[1]}
    if feeds := about.get("feed"):
        title = func.coalesce(func.nullif(Feed.title, ""), Feed.url)
        rows = await session.execute(select(Feed.id, title).where(Feed.id.in_(list(feeds))))
        found |= {("feed", row[0]): row[1] for row in rows}
    return found
