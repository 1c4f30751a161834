"""One attempt at a job, as far as it is kept. It travels with the job from attempt to attempt, so it is small."""

import datetime as dt
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from core.failed_jobs.storable import storable_text
from core.redaction import redact

_LONGEST_MESSAGE = 2_000
_LONGEST_TRACEBACK = 6_000
_FRAMES = 12
_ROOT = Path(__file__).parents[2]
_OURS = {"core", "workers", "dashboard", "alembic"}


@dataclass(frozen=True)
class Attempt:
    """`at` is when it began; `frame` is where in our own code the exception came from, as file:function."""

    at: dt.datetime
    worker: str
    duration_s: float
    exception: str
    message: str
    frame: str
    # Frames of our own code first, innermost first; then those of libraries; then what caused it.
    traceback: str
    # What it logged: its last lines, as core.logs keeps them.
    log: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "at": self.at.isoformat()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError for what `as_json` did not make."""
        return cls(**{**fields, "at": dt.datetime.fromisoformat(fields["at"])})


def attempt_of(exception: BaseException, *, at: dt.datetime, worker: str, duration_s: float, log: str = "") -> Attempt:
    """What is kept of an attempt that began at `at`, logged `log` and ended with `exception`."""
    cause = unwrapped(exception)
    frames = traceback.extract_tb(cause.__traceback__)
    own = [frame for frame in frames if _path(frame).partition("/")[0] in _OURS]
    top = (own or list(frames))[-1:]
    return Attempt(
        at=at,
        worker=worker,
        duration_s=round(duration_s, 3),
        exception=name_of(cause),
        message=message_of(cause),
        frame=f"{_path(top[0])}:{top[0].name}" if top else "",
        traceback=storable_text(redact(_story(cause, own, [frame for frame in frames if frame not in own]))),
        log=storable_text(log),
    )


def unwrapped(exception: BaseException) -> BaseException:
    """The one exception inside a group of one: a task group adds nothing to what went wrong."""
    while isinstance(exception, BaseExceptionGroup) and len(exception.exceptions) == 1:
        exception = exception.exceptions[0]
    return exception


def name_of(exception: BaseException) -> str:
    kind = type(exception)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def message_of(exception: BaseException) -> str:
    try:
        text = str(exception)
    except Exception as unreadable:  # noqa: BLE001 - any code of any library may run here
        text = f"(its text cannot be read: {type(unreadable).__name__})"
    # Before it is cut: half a secret has no shape.
    return storable_text(redact(text[: 2 * _LONGEST_MESSAGE])[:_LONGEST_MESSAGE])


def _story(cause: BaseException, own: list[traceback.FrameSummary], others: list[traceback.FrameSummary]) -> str:
    lines = [f"{name_of(cause)}: {message_of(cause)}"]
    lines += _listed("In our own code, innermost first:", own)
    lines += _listed("In libraries, innermost first:", others)
    deeper = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    seen = {id(cause)}
    while deeper is not None and id(deeper) not in seen and len(seen) < 5:
        seen.add(id(deeper))
        frames = traceback.extract_tb(deeper.__traceback__)
        lines.append(f"Caused by {name_of(deeper)}: {message_of(deeper)}")
        lines += [_line(frame) for frame in frames[-1:]]
        deeper = deeper.__cause__ or (None if deeper.__suppress_context__ else deeper.__context__)
    if isinstance(cause, BaseExceptionGroup):
        lines += [f"One of them: {name_of(one)}: {message_of(one)}" for one in cause.exceptions[:5]]
    return "\n".join(lines)[:_LONGEST_TRACEBACK]


def _listed(title: str, frames: Iterable[traceback.FrameSummary]) -> list[str]:
    lines = [_line(frame) for frame in reversed(list(frames))]
    if len(lines) > _FRAMES:
        lines = [*lines[:_FRAMES], f"  … and {len(lines) - _FRAMES} more"]
    return [title, *lines] if lines else []


def _line(frame: traceback.FrameSummary) -> str:
    code = f"\n      {frame.line.strip()}" if frame.line else ""
    return f"  {_path(frame)}:{frame.lineno} in {frame.name}{code}"


def _path(frame: traceback.FrameSummary) -> str:
    """Relative to the project, or to the folder of libraries: no path of this machine."""
    path = Path(frame.filename)
    if "site-packages" in path.parts:
        parts = path.parts
        return "/".join(parts[parts.index("site-packages") + 1 :])
    try:
        return path.relative_to(_ROOT).as_posix()
    except ValueError:
        return "/".join(path.parts[-2:])
