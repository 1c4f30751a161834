"""One entry of one feed, as plain text."""

import datetime as dt
import uuid

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class Article(Base):
    __tablename__ = "articles"
    __table_args__ = (
        UniqueConstraint("feed_id", "guid"),
        # Keyset pages, newest first, of everything and of one feed.
        Index("ix_articles_newest", "sort_at", "id"),
        Index("ix_articles_feed_newest", "feed_id", "sort_at", "id"),
        # What is still to do: rows whose model is null or not the active one, the longest waiting first.
        Index("ix_articles_embedding_model", "embedding_model", "updated_at"),
        Index("ix_articles_summary_model", "summary_model", "updated_at"),
    )

    id: Mapped[Id]
    feed_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("feeds.id", ondelete="CASCADE"))
    guid: Mapped[str]
    url: Mapped[str | None]
    title: Mapped[str] = mapped_column(server_default="")
    author: Mapped[str | None]
    # Plain text: HTML was removed on the way in.
    text: Mapped[str] = mapped_column(server_default="")
    # Hex SHA-256 of title and text. A change of it nulls the two models below.
    content_hash: Mapped[str]
    published_at: Mapped[dt.datetime | None]
    # published_at if the feed gave a sane one, else created_at: never null, so pages can use it as a key.
    sort_at: Mapped[Now]
    created_at: Mapped[Now]
    # When the present content was stored.
    updated_at: Mapped[Now]
    # The model whose embeddings of the *present* content are stored; null: to do.
    embedding_model: Mapped[str | None]
    summary: Mapped[str | None]
    # The model that summarised the present content; null: to do.
    summary_model: Mapped[str | None]
