"""One chunk of one article, with its vector."""

import uuid

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Id, Now

# The width of text-embedding-3-small. Narrower models are padded with zeros, which leaves cosine unchanged.
DIMENSIONS = 1536


class ArticleEmbedding(Base):
    __tablename__ = "article_embeddings"
    __table_args__ = (UniqueConstraint("article_id", "chunk_index"),)

    id: Mapped[Id]
    article_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("articles.id", ondelete="CASCADE"))
    chunk_index: Mapped[int]
    # The chunk itself: search shows it as the snippet.
    content: Mapped[str]
    embedding: Mapped[list[float]] = mapped_column(VECTOR(DIMENSIONS))
    model: Mapped[str]
    created_at: Mapped[Now]
