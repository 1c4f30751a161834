"""Jobs that gave up: what is kept of a failure, and which failures share a cause."""

from core.failed_jobs.attempt import Attempt, attempt_of
from core.failed_jobs.failure import Failure
from core.failed_jobs.fingerprint import fingerprint, normalised

__all__ = ["Attempt", "Failure", "attempt_of", "fingerprint", "normalised"]
