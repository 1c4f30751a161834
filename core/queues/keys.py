"""Every name that Signalist uses in Redis. docs/delivery.md lists them with what they hold.

The braces are hash tags: all keys of one queue share a slot, so one script may touch them all, also in a cluster.
"""

from core.errors import BadRequest

QUEUES = ("crawl", "embed", "summarise", "ops")

# In the order in which lua/shared.lua names them.
_PARTS = (
    "stream",  # stream of waiting and running jobs: field data = the message
    "delayed",  # sorted set of task ids by due time, in ms
    "bodies",  # hash task id → message, of the delayed ones
    "keys",  # hash job key → task id that holds it
    "places",  # hash task id → entry of the stream
    "leases",  # hash entry → consumer|until ms|started ms, of the running ones
    "counts",  # hash done, failed, cancelled, retried → how many, for ever
    "finished",  # list of the jobs that ended last, newest first
    "paused",  # set while no job of the queue may start
    "cancels",  # set of task ids that a person wants stopped
)

WORKERS = "signalist:{workers}:names"
WORKERS_TO_RECYCLE = "signalist:{workers}:recycle"
SCHEDULER = "signalist:{scheduler}:beat"
SCHEDULER_LEASE = "signalist:{scheduler}:lease"

# The consumer group of every stream.
GROUP = "workers"
# What a stopping worker had not started is handed to this name, which nobody has: it is up for grabs at once.
RELEASED = "released"


def check(queue: str) -> None:
    """Raises BadRequest unless there is such a queue: nobody would ever read what is sent to another."""
    if queue not in QUEUES:
        raise BadRequest(f"There is no queue {queue!r}: the queues are {', '.join(QUEUES)}.")


def of_queue(queue: str) -> list[str]:
    """All keys of one queue, in the order that the scripts expect."""
    return [f"signalist:{{{queue}}}:{part}" for part in _PARTS]


def stream(queue: str) -> str:
    return f"signalist:{{{queue}}}:stream"


def paused(queue: str) -> str:
    return f"signalist:{{{queue}}}:paused"


def finished(queue: str) -> str:
    return f"signalist:{{{queue}}}:finished"


def worker(name: str) -> str:
    return f"signalist:{{workers}}:beat:{name}"
