"""Sending the rest without waiting for the first jobs."""

import uuid

from core.access import Action, User
from core.db import Database
from core.errors import Conflict
from core.queries import failed_actions
from core.recording import Face, recorded


async def skip_canary(database: Database, user: User | None, face: Face, action: uuid.UUID) -> None:
    """Raises Conflict if the action does not wait for its first jobs (any more), and what `recorded` raises."""
    async with recorded(database, user, face, Action.RETRY_JOBS, str(action), verb="skip canary") as recording:
        if not await failed_actions.skip_canary(recording.session, action):
            raise Conflict("It does not wait for its first jobs any more.")
