"""What failed jobs are about, in words."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.queries import failed_subjects
from core.queues import catalogue
from core.queues.catalogue import Subject


class Called(Protocol):
    """A row of a list, and a job with its whole story."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def task(self) -> str: ...
    @property
    def args(self) -> list[Any]: ...
    @property
    def kwargs(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class About:
    """`title` is empty where there is none, or the thing itself is gone."""

    kind: Subject
    id: uuid.UUID
    title: str

    @property
    def words(self) -> str:
        """`article 9f3c… “Rates held again”`, `feed Example Wire`."""
        if self.kind == "feed" and self.title:
            return f"feed {self.title}"
        return f"{self.kind} {str(self.id)[:4]}…" + (f" “{self.title}”" if self.title else "")


async def subjects(session: AsyncSession, jobs: Iterable[Called]) -> dict[uuid.UUID, About]:
    """By the id of the job; those of which it cannot be told are left out."""
    found = {job.id: about for job in jobs if (about := catalogue.subject(job.task, job.args, job.kwargs)) is not None}
    wanted: dict[Subject, set[uuid.UUID]] = defaultdict(set)
    for kind, id_ in found.values():
        wanted[kind].add(id_)
    titles = await failed_subjects.titles(session, wanted)
    return {job: About(kind, id_, titles.get((kind, id_), "")) for job, (kind, id_) in found.items()}


def called(args: Iterable[Any], kwargs: Iterable[tuple[str, Any]]) -> str:
    """The arguments as they stand in a call: `12, fast=True`."""
    return ", ".join([*(_short(arg) for arg in args), *(f"{name}={_short(value)}" for name, value in kwargs)])


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
