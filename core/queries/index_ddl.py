"""The statements that build, rename and drop a vector index: shown in the plan, and run as shown."""

from psycopg import sql

from core.indexes.shape import Shape
from core.models import DIMENSIONS
from core.queries.vector_index import SERVING, TABLE

BUILDING = f"{SERVING}_new"
RETIRED = f"{SERVING}_old"


def quoted(name: str) -> str:
    """An identifier as Postgres wants it: ours are plain, but an index may have been made by anyone."""
    return sql.Identifier(name).as_string()


def create(shape: Shape, mark: int, name: str = BUILDING) -> str:
    column = (
        f"(embedding::halfvec({DIMENSIONS})) halfvec_cosine_ops" if shape.halfvec else "embedding vector_cosine_ops"
    )
    options = ", ".join(f"{option} = {value}" for option, value in shape.options.items())
    return (
        f"CREATE INDEX CONCURRENTLY {quoted(name)} ON {TABLE} USING {shape.method} ({column}) "
        f"WITH ({options}) WHERE chunk_index <> -{mark}"
    )


def drop(name: str) -> str:
    return f"DROP INDEX CONCURRENTLY IF EXISTS {quoted(name)}"


def rename(name: str, to: str) -> str:
    return f"ALTER INDEX {quoted(name)} RENAME TO {quoted(to)}"


def analyze() -> str:
    return f"ANALYZE {TABLE}"


def build_settings(memory_kb: int, workers: int) -> tuple[str, ...]:
    """For the session of the build only: room to work in, and no limit on how long it takes.

    No lock_timeout: the build waits for older transactions, and that wait would count.
    """
    return (
        f"SET maintenance_work_mem = '{memory_kb}kB'",
        f"SET max_parallel_maintenance_workers = {workers}",
        "SET statement_timeout = 0",
        "SET lock_timeout = 0",
        "SET idle_session_timeout = 0",
    )
