"""A news feed and how its last crawls went."""

import datetime as dt

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now


class Feed(Base):
    __tablename__ = "feeds"
    __table_args__ = (Index("ix_feeds_due", "next_due_at", postgresql_where=text("enabled")),)

    id: Mapped[Id]
    url: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str] = mapped_column(server_default="")
    site_url: Mapped[str | None]
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    # Why the crawler switched it off (410 Gone); null when a person did, or when it is on.
    disabled_reason: Mapped[str | None]
    # Seconds between crawls; the larger of this and the feed's own ttl is used.
    interval_s: Mapped[int] = mapped_column(server_default="1800")
    ttl_s: Mapped[int | None]
    next_due_at: Mapped[Now]
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]
    last_crawled_at: Mapped[dt.datetime | None]
    last_success_at: Mapped[dt.datetime | None]
    # One sentence: "12 articles, 3 new", "not modified".
    last_result: Mapped[str | None]
    last_error: Mapped[str | None]
    errors_in_row: Mapped[int] = mapped_column(server_default="0")
    # Kept by the crawl, so that the page of feeds never counts articles.
    article_count: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Now]
