"""The scheduler's duties, as people switch them and ask for them."""

from redis.asyncio import Redis

from core.access import Action, User
from core.db import Database
from core.queues import duties
from core.recording import Face, recorded


async def switch_duty(database: Database, redis: Redis, user: User | None, face: Face, name: str, *, on: bool) -> None:
    """Raises BadRequest, RedisUnavailable, and what `recorded` raises."""
    async with recorded(database, user, face, Action.EDIT_SCHEDULES, name, verb="enable" if on else "disable"):
        await duties.switch(redis, name, on=on)


async def run_duty(database: Database, redis: Redis, user: User | None, face: Face, name: str) -> None:
    """Has it done now, and not when it is due. Raises as `switch_duty` does."""
    async with recorded(database, user, face, Action.EDIT_SCHEDULES, name, verb="run now"):
        await duties.ask(redis, name)
