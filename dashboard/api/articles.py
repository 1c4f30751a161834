"""`/articles`: what the feeds said."""

import datetime as dt
import uuid

from fastapi import APIRouter
from pydantic import BaseModel

from core.articles import redo
from core.articles.redo import Asked
from core.errors import NotFound
from core.queries import articles as queries
from core.queries.articles import ArticleCursor, ArticleDetail, ArticleRow
from dashboard import urls
from dashboard.api.access import ArticleRedoer, Viewer
from dashboard.api.paging import After, Limit, Page, position
from dashboard.context import context

router = APIRouter(prefix="/articles", tags=["articles"])


class AskedAnswer(BaseModel):
    """What became of the wish."""

    sentence: Asked


@router.get("", summary="Articles, the newest first")
async def list_articles(
    _user: Viewer,
    words: str = "",
    feed_id: uuid.UUID | None = None,
    since: dt.datetime | None = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ArticleRow]:
    async with context().database.session() as session:
        page = await queries.page(
            session, feed_id=feed_id, words=words, since=since, after=position(after, ArticleCursor), limit=limit
        )
    return Page(items=page.rows, next=urls.cursor(page.next))


@router.get("/{article_id}", summary="One article with its text")
async def show(article_id: uuid.UUID, _user: Viewer) -> ArticleDetail:
    async with context().database.session() as session:
        article = await queries.get(session, article_id)
    if article is None:
        raise NotFound("There is no such article.")
    return article


@router.post("/{article_id}/embed", status_code=202, summary="Embed an article again")
async def embed(article_id: uuid.UUID, user: ArticleRedoer) -> AskedAnswer:
    return AskedAnswer(sentence=await redo.embed_again(context().database, context().redis, user, "api", article_id))


@router.post("/{article_id}/summarise", status_code=202, summary="Summarise an article again")
async def summarise(article_id: uuid.UUID, user: ArticleRedoer) -> AskedAnswer:
    asked = await redo.summarise_again(context().database, context().redis, user, "api", article_id)
    return AskedAnswer(sentence=asked)
