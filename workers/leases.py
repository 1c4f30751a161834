"""Is the job still ours? A process that was frozen past its lease must find out before it has an effect."""

import time

from core.errors import SignalistError
from core.queues.delivery import Consumer
from workers.in_flight import Delivery, Stop, current

# Until it is this part of its length old, a lease is believed without asking Redis.
_FRESH = 0.5


class LeaseLost(SignalistError):
    """This process was away for so long that its job was given to another worker."""


async def holds(consumer: Consumer, delivery: Delivery) -> bool:
    """Whether `delivery` is still ours; if in doubt, Redis is asked, and the lease renewed. Raises RedisUnavailable."""
    asked = time.monotonic()
    age = asked - delivery.renewed_at
    if delivery.stop is Stop.LOST:
        return False
    if age < _FRESH * consumer.lease:
        return True
    if await consumer.renew([delivery.hold]):
        delivery.halt(Stop.LOST)
        return False
    delivery.renewed_at = asked
    return True


async def still_mine() -> bool:
    """For a task, before an effect that must not happen twice: whether its job has not gone to another worker.

    If it has, the task is cancelled besides. True outside a job. Raises RedisUnavailable when that cannot be known.
    """
    delivery = current.get()
    return delivery is None or await delivery.is_held()


async def fence() -> None:
    """Raises LeaseLost unless `still_mine()`. Every transaction of a worker asks this before it commits."""
    if not await still_mine():
        raise LeaseLost
