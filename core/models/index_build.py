"""A build of a vector index: what Postgres forgets about it, and what later builds are estimated from."""

import uuid
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class IndexBuild(Base):
    __tablename__ = "index_builds"

    # The number in the index's own predicate: it stays with the index through renames, dumps and restores.
    mark: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    method: Mapped[str]
    # {"lists": 100} or {"m": 16, "ef_construction": 64}.
    options: Mapped[dict[str, Any]]
    halfvec: Mapped[bool]
    rows: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    seconds: Mapped[float]
    # The revision of the schema at that time.
    revision: Mapped[str | None]
    built_at: Mapped[Now]
    operation_id: Mapped[uuid.UUID | None]
