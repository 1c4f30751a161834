"""Every name that Signalist uses in Redis. docs/delivery.md lists them with what they hold.

The braces are hash tags: all keys of one queue share a slot, so one script may touch them all, also in a cluster.
"""

from core.errors import BadRequest

QUEUES = ("crawl", "embed", "summarise", "ops")

WORKERS = "signalist:{workers}:names"
WORKERS_TO_RECYCLE = "signalist:{workers}:recycle"
WORKERS_DRAINED = "signalist:{workers}:drained"
SCHEDULER = "signalist:{scheduler}:beat"
SCHEDULER_LEASE = "signalist:{scheduler}:lease"
TALLIES = "signalist:{tallies}:counts"
DUTIES = "signalist:{scheduler}:duties"
DUTIES_OFF = "signalist:{scheduler}:duties:off"
DUTIES_NOW = "signalist:{scheduler}:duties:now"

# The map of the articles, as a worker drew it last.
MAP = "signalist:{map}"

# The consumer group of every stream.
GROUP = "workers"
# What a stopping worker had not started is handed to this name, which nobody has: it is up for grabs at once.
RELEASED = "released"


def check(queue: str) -> None:
    """Raises BadRequest unless there is such a queue: nobody would ever read what is sent to another."""
    if queue not in QUEUES:
        raise BadRequest(f"There is no queue {queue!r}: the queues are {', '.join(QUEUES)}.")


def stream(queue: str) -> str:
    """Waiting and running jobs, each with its message in the field `data`. The queue's other keys: lua/shared.lua."""
    return f"signalist:{{{queue}}}:stream"


def delayed(queue: str) -> str:
    """Task ids by when they are due, in ms."""
    return f"signalist:{{{queue}}}:delayed"


def paused(queue: str) -> str:
    """There while no job of the queue may start."""
    return f"signalist:{{{queue}}}:paused"


def finished(queue: str) -> str:
    """The jobs that ended last, newest first."""
    return f"signalist:{{{queue}}}:finished"


def times(queue: str) -> str:
    """How many jobs waited and ran how long."""
    return f"signalist:{{{queue}}}:times"


def worker(name: str) -> str:
    return f"signalist:{{workers}}:beat:{name}"
