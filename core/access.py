"""Who may do what. Every action of every face asks `require` here; a hidden button is no check."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import Forbidden, NotLoggedIn


class Role(StrEnum):
    """A viewer reads; an operator acts; an admin also manages people and tokens, and destroys."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, least: "Role") -> bool:
        """Whether this role may do whatever `least` may."""
        ladder = tuple(Role)
        return ladder.index(self) >= ladder.index(least)


class Action(StrEnum):
    """Everything that a person can do. The value is what the record of actions stores."""

    VIEW = "view"
    SEARCH = "search"
    LOG_IN = "log in"
    LOG_OUT = "log out"
    CHANGE_OWN_PASSWORD = "change own password"  # noqa: S105 - the name of an action
    END_OWN_SESSIONS = "end own sessions"

    EDIT_FEEDS = "edit feeds"
    CRAWL_FEED = "crawl feed"
    REDO_ARTICLE = "redo article"

    RETRY_JOBS = "retry jobs"
    DISCARD_JOBS = "discard jobs"
    EDIT_JOB = "edit job"
    CANCEL_JOB = "cancel job"
    PAUSE_QUEUE = "pause queue"
    PURGE_QUEUE = "purge queue"
    DRAIN_WORKER = "drain worker"
    EDIT_SCHEDULES = "edit schedules"

    PLAN_OPERATION = "plan operation"
    APPROVE_OPERATION = "approve operation"
    APPROVE_LOSS = "approve operation that loses data"
    CANCEL_OPERATION = "cancel operation"

    READ_RECORD = "read record"
    MANAGE_USERS = "manage users"
    MANAGE_TOKENS = "manage tokens"
    END_SESSIONS = "end sessions"


# The least role of each action. A test holds this table complete.
LEAST: dict[Action, Role] = {
    Action.VIEW: Role.VIEWER,
    Action.SEARCH: Role.VIEWER,
    Action.LOG_IN: Role.VIEWER,
    Action.LOG_OUT: Role.VIEWER,
    Action.CHANGE_OWN_PASSWORD: Role.VIEWER,
    Action.END_OWN_SESSIONS: Role.VIEWER,
    Action.EDIT_FEEDS: Role.OPERATOR,
    Action.CRAWL_FEED: Role.OPERATOR,
    Action.REDO_ARTICLE: Role.OPERATOR,
    Action.RETRY_JOBS: Role.OPERATOR,
    Action.DISCARD_JOBS: Role.OPERATOR,
    Action.EDIT_JOB: Role.OPERATOR,
    Action.CANCEL_JOB: Role.OPERATOR,
    Action.PAUSE_QUEUE: Role.OPERATOR,
    Action.PURGE_QUEUE: Role.ADMIN,
    Action.DRAIN_WORKER: Role.OPERATOR,
    Action.EDIT_SCHEDULES: Role.OPERATOR,
    Action.PLAN_OPERATION: Role.OPERATOR,
    Action.APPROVE_OPERATION: Role.OPERATOR,
    Action.APPROVE_LOSS: Role.ADMIN,
    Action.CANCEL_OPERATION: Role.OPERATOR,
    Action.READ_RECORD: Role.OPERATOR,
    Action.MANAGE_USERS: Role.ADMIN,
    Action.MANAGE_TOKENS: Role.ADMIN,
    Action.END_SESSIONS: Role.ADMIN,
}


# How the name of a program begins, so that the record tells it from a person of the same name.
PROGRAM = "token "


@dataclass(frozen=True)
class User:
    """Who asks, and from where.

    `id` is that of the account, or of the API token; None for the system itself and for whoever holds the machine's
    own command line. `address` is the network address that the request came from, where there was one.
    """

    id: uuid.UUID | None
    name: str
    role: Role
    address: str | None = field(default=None, compare=False)

    @property
    def is_program(self) -> bool:
        """Whether it is the holder of a token, who may be anybody. No account has a blank in its name."""
        return self.name.startswith(PROGRAM)


# The scheduler, the reconciler and the crawler's own decisions.
SYSTEM = User(id=None, name="system", role=Role.ADMIN)


def on_this_machine(login: str) -> User:
    """The person at the command line: who can read DATABASE_URL can do everything, so the role is admin.

    `login` is the operating system's name of that person; it goes into the record.
    """
    return User(id=None, name=login, role=Role.ADMIN)


def may(user: User | None, action: Action) -> bool:
    """Whether `require` would pass: for showing or hiding a control, never instead of the check."""
    return user is not None and user.role.includes(LEAST[action])


def require(user: User | None, action: Action) -> User:
    """Returns the user if the action is theirs to take.

    Raises NotLoggedIn without a user, and Forbidden with a sentence that names the role needed.
    """
    if user is None:
        raise NotLoggedIn
    least = LEAST[action]
    if not user.role.includes(least):
        raise Forbidden(f"To {action} you need the role {least}; {user.name} is {user.role}.")
    return user
