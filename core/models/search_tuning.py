"""The setting at which searches through an index find enough."""

from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base, Now


class SearchTuning(Base):
    __tablename__ = "search_tuning"

    index_name: Mapped[str] = mapped_column(primary_key=True)
    # Of the build that was tuned: for another one of the same name this says nothing.
    mark: Mapped[int | None]
    # "ivfflat.probes" or "hnsw.ef_search".
    setting: Mapped[str]
    value: Mapped[int]
    # What it reached, and what it was to reach.
    recall: Mapped[float]
    target: Mapped[float]
    tuned_at: Mapped[Now]
