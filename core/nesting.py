"""How deep JSON may be nested. One limit for all that comes in: what is accepted can be run, kept and shown."""

from itertools import chain
from typing import Any

# Far more than any argument of a job has. What walks through JSON (pydantic, json, Postgres' jsonb) takes frames for
# each level, and ends somewhere between 200 and 1,000.
DEEPEST = 64


def too_deep(value: object) -> bool:
    """Whether lists and objects stand in each other more than DEEPEST times, the outermost one counted."""
    level: list[Any] = [value]
    for _ in range(DEEPEST + 1):
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return False
        level = list(chain.from_iterable(one.values() if isinstance(one, dict) else one for one in level))
    return True
