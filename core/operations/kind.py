"""What a kind of operation is: how to look, what to plan, the steps to take, and the way back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from redis.asyncio import Redis

from core.config import Settings
from core.db import Database
from core.operations.plan import Explored, Parameters, Plan
from core.operations.running import Run
from core.queries.operations import OperationRow

EXCLUSIVE_DATABASE = "database"
EXCLUSIVE_EMBEDDINGS = "embeddings"


@dataclass(frozen=True)
class World:
    """What operations look at and change."""

    settings: Settings
    database: Database
    redis: Redis

    @property
    def model(self) -> str:
        """The embedding model that searches use."""
        return self.settings.active_embedding_model


@dataclass(frozen=True)
class Step:
    """One thing that a worker does.

    `act` may be entered again after it was cut short anywhere, by another worker: it looks at the world and does what
    is missing. `proof`: it belongs to the verification. `final`: once it has begun there is only the way forward.
    """

    name: str
    act: Callable[[Run], Awaitable[None]]
    proof: bool = False
    final: bool = False


@dataclass(frozen=True)
class Undone:
    """Where a way back has led to, in sentences. `left`: what should have gone and is there, or should be there and is
    gone; a person has to look at it. `stays`: what was done and stays, as the plan said. Both None: it is as it was."""

    left: str | None = None
    stays: str | None = None


class Kind(Protocol):
    """One kind of operation. `exclusive` names what it must have for itself while it is active."""

    name: str
    exclusive: str
    can_pause: bool

    async def settle(self, world: World, asked: Parameters) -> Mapping[str, Any]:
        """What was asked, with every choice made that was left open. Raises BadRequest for what cannot be."""
        ...

    async def explore(self, world: World, parameters: Parameters) -> Explored:
        """Reads the present state. Raises Conflict, with a sentence, when there is nothing to do."""
        ...

    def plan(self, parameters: Parameters, explored: Explored) -> Plan:
        """Pure."""
        ...

    def steps(self, world: World, row: OperationRow) -> tuple[Step, ...]: ...

    async def roll_back(self, world: World, run: Run) -> Undone:
        """Undoes what the steps did, as far as it was done and can be undone."""
        ...

    def stays(self, row: OperationRow) -> str | None:
        """What a paused operation has done and leaves when it is cancelled, in a sentence; None for nothing."""
        ...

    async def outcome(self, world: World, run: Run) -> str:
        """One sentence about a success, with numbers."""
        ...
