"""Deleting all that a queue has not begun."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import batched

from redis.asyncio import Redis

from core.queues import keys
from core.queues.client import redis_errors
from core.queues.scripts import PURGE
