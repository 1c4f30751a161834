"""Is it healthy, and why. One check a file; each is a pure function of what was read, and returns its reason."""

from core.health.report import blind, report
from core.health.status import Check, Status
from core.health.verdict import CHECKS, Health, judge

__all__ = ["CHECKS", "Check", "Health", "Status", "blind", "judge", "report"]
