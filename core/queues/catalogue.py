"""What can be sent: every task with its parameters, known without the code that runs them.

A test of the workers holds their tasks to it.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import BadRequest
from core.phrases import counted, listed

Subject = Literal["feed", "article", "operation", "action"]


@dataclass(frozen=True)
class Parameter:
    """`of`: it is the id of one of these."""

    name: str
    of: Subject


@dataclass(frozen=True)
class Signature:
    """A task as it can be sent."""

    task: str
    queue: str
    parameters: tuple[Parameter, ...]


_ALL = (
    Signature("crawl_feed", "crawl", (Parameter("feed_id", "feed"),)),
    Signature("generate_embeddings", "embed", (Parameter("article_id", "article"),)),
    Signature("generate_summary", "summarise", (Parameter("article_id", "article"),)),
    Signature("run_operation", "ops", (Parameter("operation_id", "operation"),)),
    Signature("measure_index", "ops", ()),
    Signature("draw_map", "ops", ()),
    Signature("run_failed_jobs_action", "ops", (Parameter("action_id", "action"),)),
)
CATALOGUE: Mapping[str, Signature] = {signature.task: signature for signature in _ALL}


def checked(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """The arguments in the order of the parameters, as JSON has them. Raises BadRequest with what is wrong."""
    signature = CATALOGUE.get(task)
    if signature is None:
        raise BadRequest(f"Nobody knows a task {task!r}, so its arguments cannot be checked.")
    names = [parameter.name for parameter in signature.parameters]
    if len(args) > len(names):
        raise BadRequest(f"{task} takes {counted(len(names), 'argument')} ({listed(names)}), not {len(args)}.")
    given = dict(zip(names, args, strict=False))
    for name, value in kwargs.items():
        if name not in names:
            raise BadRequest(f"{task} has no parameter {name!r}: it takes {listed(names)}.")
        if name in given:
            raise BadRequest(f"{name} is given twice.")
        given[name] = value
    if missing := [name for name in names if name not in given]:
        raise BadRequest(f"{task} needs {listed(missing)}.")
    return tuple(_id(parameter, given[parameter.name]) for parameter in signature.parameters)


def subject(task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Subject, uuid.UUID] | None:
    """What the job is about; None if that cannot be told."""
    try:
        first = CATALOGUE[task].parameters[0]
        return first.of, uuid.UUID(str(args[0] if args else kwargs[first.name]))
    except (KeyError, IndexError, ValueError):
        return None


def keys_about(argument: str) -> tuple[str, ...]:
    """The keys that jobs with this one argument have."""
    return tuple(f"{task}:{argument}" for task in CATALOGUE)


def _id(parameter: Parameter, value: Any) -> str:
    article = "an" if parameter.of[0] in "ao" else "a"
    wrong = BadRequest(f"{parameter.name} is the id (UUID) of {article} {parameter.of}, not {value!r}.")
    if not isinstance(value, str):
        raise wrong
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise wrong from None
