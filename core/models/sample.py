"""History for the charts: one row a tick, taken by the scheduler, kept for two days."""

import datetime as dt
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from core.models.base import Base


class Sample(Base):
    __tablename__ = "samples"

    at: Mapped[dt.datetime] = mapped_column(primary_key=True)
    # {"waiting.crawl": 31, "done.crawl": 1042, "latency_ms.database": 0.4, …}; an unknown number is absent.
    values: Mapped[dict[str, Any]]
