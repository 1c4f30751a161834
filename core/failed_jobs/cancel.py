"""Ending an action on failed jobs before it is through."""

import datetime as dt
import uuid

from core.access import Action, User
from core.db import Database
from core.errors import Conflict
from core.queries import failed_actions
from core.queries.failed_actions import FailedJobsAction
from core.recording import Face, recorded


async def cancel(
    database: Database, user: User | None, face: Face, action: uuid.UUID, *, now: dt.datetime
) -> FailedJobsAction:
    """Takes no more jobs. Those that it has sent run. Raises NotFound, Conflict if it is over, and as `recorded`."""
    async with recorded(database, user, face, Action.RETRY_JOBS, str(action), verb="cancel") as recording:
        found = await failed_actions.get(recording.session, action)
        reason = f"{recording.user.name} cancelled it after {found.taken:,} of {found.total.of('job')}."
        if not await failed_actions.end(recording.session, action, "cancelled", now, reason=reason):
            raise Conflict("It is over already.")
        return await failed_actions.get(recording.session, action)
