"""Whether a cancellation was meant."""

import asyncio


def is_cancelled() -> bool:
    """Whether somebody asked the present task to end.

    A driver that is cancelled in the middle of something may raise an error of its own instead; and a driver whose
    timeouts all run out in one moment, as in a process that was frozen, may leave a CancelledError behind that nobody
    asked for. A loop that is to go on has to look.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
