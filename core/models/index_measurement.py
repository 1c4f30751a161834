"""How good and how fast a vector index was at one moment."""

import uuid

from sqlalchemy import BigInteger, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class IndexMeasurement(Base):
    __tablename__ = "index_measurements"
    __table_args__ = (Index("ix_index_measurements_at", "index_name", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[Now]
    # "measured", "before a rebuild" or "after a rebuild".
    reason: Mapped[str]
    index_name: Mapped[str]
    # Null for an index that was not built here.
    mark: Mapped[int | None]
    # `ivfflat lists=100`: what it was, for when it is gone.
    shape: Mapped[str]
    model: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    # "ivfflat.probes" or "hnsw.ef_search", and what it was set to.
    setting: Mapped[str]
    value: Mapped[int]
    # Queries; the mean of recall@10 over them, 0 to 1, and its interval of 95 % confidence.
    sample: Mapped[int]
    recall: Mapped[float]
    recall_low: Mapped[float]
    recall_high: Mapped[float]
    p50_ms: Mapped[float]
    p95_ms: Mapped[float]
    exact_p50_ms: Mapped[float]
    exact_p95_ms: Mapped[float]
    # What measuring cost.
    seconds: Mapped[float]
    operation_id: Mapped[uuid.UUID | None]
