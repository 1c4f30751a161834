"""One tree of errors. A class docstring is the sentence that an operator reads when no better one is given.

Faces turn them into a notice, a problem+json body or an exit code in one place each, from `exit_code` and
`http_status`.
"""

from typing import ClassVar

from core.redaction import redact


class SignalistError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __str__(self) -> str:
        # Here, so that no face, record or row has to remember it.
        return redact(super().__str__()) or self.sentence()

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or "Something went wrong.").strip().splitlines()[0]


class Unavailable(SignalistError):
    """A server that Signalist needs cannot be reached."""

    exit_code = 3
    http_status = 503


class DatabaseUnavailable(Unavailable):
    """Postgres cannot be reached."""


class RedisUnavailable(Unavailable):
    """Redis cannot be reached."""


class ServerFailed(Unavailable):
    """An embedded server did not start."""


class RedisRefused(RedisUnavailable):
    """Redis refused a command."""


class RedisFull(Unavailable):
    """Redis has reached its memory limit, so it accepts no new job until others are done."""


class QueryTimeout(Unavailable):
    """Postgres took too long to answer, so the query was cancelled."""


class SchemaMismatch(Unavailable):
    """The schema of the database is not the one that this version of Signalist needs: see `signalist db status`."""


class NotPrivileged(SignalistError):
    """The role of DATABASE_URL may not do that: see docs/least-privilege.sql, and whether ADMIN_DATABASE_URL is set."""


class StatementFailed(SignalistError):
    """Postgres refused a statement."""

    def __init__(self, message: str = "", sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class BadRequest(SignalistError):
    """The request cannot be understood."""

    exit_code = 2
    http_status = 422


class NotFound(SignalistError):
    """There is no such thing."""

    exit_code = 1
    http_status = 404


class Conflict(SignalistError):
    """Someone else did that first."""

    exit_code = 1
    http_status = 409


class NotLoggedIn(SignalistError):
    """Log in first."""

    http_status = 401


class Forbidden(SignalistError):
    """Your role does not allow that."""

    http_status = 403


class Misconfigured(SignalistError):
    """A setting is wrong."""

    exit_code = 2


class FeedUnusable(SignalistError):
    """What is at that address cannot be used as a feed."""


class FeedUnreachable(SignalistError):
    """The feed's server cannot be reached just now."""


class ModelUnavailable(SignalistError):
    """The model that embeds or summarises cannot be reached just now."""

    http_status = 503


class WillNotHeal(SignalistError):
    """Trying again would fail in the same way."""

    # Raised inside a task, it sends the job to the failed jobs at once, with no further attempt.


class RetryLater(SignalistError):
    """A service asked to be tried again later."""

    http_status = 503

    def __init__(self, message: str = "", *, retry_after: float) -> None:
        """`retry_after`: seconds to wait, as the service said; it wins over our own backoff."""
        super().__init__(message)
        self.retry_after = retry_after
