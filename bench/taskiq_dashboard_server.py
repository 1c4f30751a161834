"""taskiq-dashboard on the database at DATABASE_URL and the port PORT, as its documentation starts it from code."""

import os

import asyncpg
import uvicorn
from taskiq_dashboard import TaskiqDashboard


async def connection(*_: object, **__: object) -> asyncpg.Connection:
    """Its own settings know no Unix sockets; the options are its own."""
    return await asyncpg.connect(os.environ["DATABASE_URL"], statement_cache_size=0)


if __name__ == "__main__":
    dashboard = TaskiqDashboard(
        api_token="bench",
        storage_type="postgres",
        database_dsn="postgresql+asyncpg://user:password@host:5432/database",
        storage_engine_parameters={"async_creator": connection},
    )
    uvicorn.run(dashboard.application, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
