"""`signalist demo`: all of it, with feeds of its own to crawl, a history, and some failures."""

import asyncio
import datetime as dt
import socket
import sys

import typer

from core import logs
from core.config import LOCAL_EMBEDDING_MODEL, LOCAL_SUMMARY_MODEL, Settings, settings
from core.servers.supervisor import Child
from dashboard.cli.up import Extra, run

app = typer.Typer(add_completion=False)


@app.command()
def demo() -> None:
    """Run all of Signalist on invented feeds, some of them broken, until Ctrl-C.

    It has a data dir of its own inside SIGNALIST_DATA_DIR, embeds its own servers whatever DATABASE_URL and REDIS_URL
    say, and asks no paid service: real data and real keys are never touched.
    """
    chosen = settings()
    own = chosen.model_copy(
        update={
            "data_dir": chosen.data_dir / "demo",
            "database_url": None,
            "admin_database_url": None,
            "redis_url": None,
            "crawler_allow_private": True,
            # Thousands of lines about work that goes well would carry the address and the password away.
            "log_level": chosen.log_level if "log_level" in chosen.model_fields_set else "WARNING",
        }
    )
    logs.configure(own)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    # The addresses of the feeds must not change from one run to the next, or they would be other feeds.
    remembered = own.data_dir / "feeds.port"
    port = int(remembered.read_text()) if remembered.exists() else port
    own.data_dir.mkdir(parents=True, exist_ok=True)
    remembered.write_text(str(port))
    run(own, Extra((_feed_server(port),), _environment(own), lambda url: asyncio.run(_seed(url, port))))


def _feed_server(port: int) -> Child:
    return Child("feeds", (sys.executable, "-P", "-m", "core.demo.feed_server", "--port", str(port)), {})


def _environment(own: Settings) -> dict[str, str]:
    return {
        "PORT": str(own.port),
        "CRAWLER_ALLOW_PRIVATE": "true",
        "EMBEDDING_MODEL": LOCAL_EMBEDDING_MODEL,
        "SUMMARY_MODEL": LOCAL_SUMMARY_MODEL,
        "LOG_LEVEL": own.log_level,
    }


async def _seed(url: str, port: int) -> None:
    # Only the demo needs these.
    from core.db import Database  # noqa: PLC0415
    from core.demo.seed import seed  # noqa: PLC0415

    database = Database(url, application="demo", pool_size=1)
    try:
        await seed(database, port, dt.datetime.now(dt.UTC))
    finally:
        await database.close()
