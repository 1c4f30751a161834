"""What happens after a failed attempt: again, and when; or never."""

import math
from dataclasses import dataclass

from core.errors import RetryLater, WillNotHeal
from core.failed_jobs.attempt import unwrapped

# Seconds before the second, third and fourth attempt.
BACKOFF_S = (1.0, 2.0, 4.0)
# A service that asks for more than a day has a mistake in its answer, or will not heal.
LONGEST_WAIT_S = 86_400.0


@dataclass(frozen=True)
class Retry:
    """Try again in `delay` seconds."""

    delay: float


@dataclass(frozen=True)
class GiveUp:
    """Record it as failed; `reason` is shown with it."""

    reason: str


def decide(exception: BaseException, attempts: int) -> Retry | GiveUp:
    """`attempts` counts those that failed, this one included."""
    cause = unwrapped(exception)
    if isinstance(cause, WillNotHeal):
        return GiveUp("will not heal")
    if attempts > len(BACKOFF_S):
        return GiveUp(f"gave up after {attempts} attempts")
    backoff = BACKOFF_S[max(attempts - 1, 0)]
    if isinstance(cause, RetryLater) and math.isfinite(cause.retry_after):
        return Retry(min(max(cause.retry_after, 0.0), LONGEST_WAIT_S))
    return Retry(backoff)
