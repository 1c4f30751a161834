"""Who may call a route. Every route declares the action that it takes; a test fails on one that does not."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext

from core.access import Action, User, require
from core.errors import Forbidden
from core.recording import Deed, refused
from dashboard.connection import path
from dashboard.context import context


class Allowed:
    """`Depends(Allowed(Action.X))` is the user, who may take that action."""

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, request: Request) -> User:
        user: User | None = request.state.user
        try:
            return require(user, self.action)
        except Forbidden as refusal:
            # Refused before any verb of core saw it, which would have recorded it.
            await refused(context().database, Deed(user, "api", self.action, path(request)), str(refusal))
            raise


Viewer = Annotated[User, Depends(Allowed(Action.VIEW))]
Searcher = Annotated[User, Depends(Allowed(Action.SEARCH))]
FeedEditor = Annotated[User, Depends(Allowed(Action.EDIT_FEEDS))]
Crawler = Annotated[User, Depends(Allowed(Action.CRAWL_FEED))]
ArticleRedoer = Annotated[User, Depends(Allowed(Action.REDO_ARTICLE))]
QueueHolder = Annotated[User, Depends(Allowed(Action.PAUSE_QUEUE))]
WorkerDrainer = Annotated[User, Depends(Allowed(Action.DRAIN_WORKER))]
QueuePurger = Annotated[User, Depends(Allowed(Action.PURGE_QUEUE))]
Retrier = Annotated[User, Depends(Allowed(Action.RETRY_JOBS))]
Discarder = Annotated[User, Depends(Allowed(Action.DISCARD_JOBS))]
JobEditor = Annotated[User, Depends(Allowed(Action.EDIT_JOB))]
Planner = Annotated[User, Depends(Allowed(Action.PLAN_OPERATION))]
Approver = Annotated[User, Depends(Allowed(Action.APPROVE_OPERATION))]
Canceller = Annotated[User, Depends(Allowed(Action.CANCEL_OPERATION))]
Auditor = Annotated[User, Depends(Allowed(Action.READ_RECORD))]
UserAdmin = Annotated[User, Depends(Allowed(Action.MANAGE_USERS))]
TokenAdmin = Annotated[User, Depends(Allowed(Action.MANAGE_TOKENS))]
PasswordChanger = Annotated[User, Depends(Allowed(Action.CHANGE_OWN_PASSWORD))]
SessionEnder = Annotated[User, Depends(Allowed(Action.END_OWN_SESSIONS))]
SessionAdmin = Annotated[User, Depends(Allowed(Action.END_SESSIONS))]


def actions_of(route: RouteContext) -> tuple[Action, ...]:
    """The actions that a route declares; none for one that asks nobody."""
    dependant = getattr(route, "dependant", None)
    return tuple(_declared(dependant)) if isinstance(dependant, Dependant) else ()


def _declared(dependant: Dependant) -> list[Action]:
    own = [dependant.call.action] if isinstance(dependant.call, Allowed) else []
    return own + [action for inner in dependant.dependencies for action in _declared(inner)]
