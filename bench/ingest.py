"""Articles a second from the first request to the last row, beside the `reader` library (which fetches and stores
only: it neither embeds nor summarises) and beside feedparser alone, the floor for anything that uses it."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.sax.saxutils import quoteattr

import feedparser
import psycopg
from reader import make_reader

from bench.feed_files import write_invented
from bench.ground import FEEDS, ROOT, Process, free_port, running, servers, table, wait_for

# Long enough for the slowest machine that this is meant for; then it gives up and says so.
AT_MOST_S = 600.0

PROGRESS = """
select (select count(*) from feeds where last_crawled_at is null),
       (select count(*) from articles),
       (select count(*) from articles where embedding_model is null),
       (select count(*) from articles where summary_model is null)
"""


def floor(files: list[Path]) -> tuple[int, float]:
    """Articles found and seconds taken by feedparser, the bytes being in memory."""
    bodies = [file.read_bytes() for file in files]
    started = time.perf_counter()
    found = sum(len(feedparser.parse(body).entries) for body in bodies)
    return found, time.perf_counter() - started


def with_reader(folder: Path, urls: list[str]) -> tuple[int, float]:
    """Articles stored and seconds taken by `reader`."""
    with make_reader(str(folder / "reader.sqlite")) as library:
        for url in urls:
            library.add_feed(url)
        started = time.perf_counter()
        library.update_feeds(workers=4)
        return library.get_entry_counts().total or 0, time.perf_counter() - started


def ours(folder: Path, environment: dict[str, str], urls: list[str]) -> tuple[int, float, dict[str, int]]:
    """Articles stored, embedded and summarised; seconds; and the peak bytes of each process."""
    opml = folder / "feeds.opml"
    outlines = "".join(f"<outline type='rss' xmlUrl={quoteattr(url)}/>" for url in urls)
    opml.write_text(f"<opml version='2.0'><body>{outlines}</body></opml>")
    environment = {**environment, "CRAWLER_ALLOW_PRIVATE": "true"}
    with (
        running(["-m", "dashboard.cli", "worker"], environment) as worker,
        running(["-m", "dashboard.cli", "scheduler"], environment) as scheduler,
    ):
        time.sleep(8)  # the processes load their models: a running system has them loaded
        started = time.perf_counter()
        command = [sys.executable, "-m", "dashboard.cli", "feeds", "import", str(opml)]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        stored = _wait(environment["DATABASE_URL"])
        seconds = time.perf_counter() - started
        peaks: dict[str, Process] = {"worker": worker, "scheduler": scheduler}
        return stored, seconds, {name: process.cost().peak_bytes for name, process in peaks.items()}


def _wait(url: str) -> int:
    """Until every feed is crawled and nothing is left to do; returns the number of articles."""
    deadline = time.monotonic() + AT_MOST_S
    with psycopg.connect(url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            row = connection.execute(PROGRESS).fetchone()
            if row and row[0] == row[2] == row[3] == 0 and row[1]:
                return int(row[1])
            time.sleep(0.1)
    raise TimeoutError(f"Not done after {AT_MOST_S:.0f} s.")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feeds = FEEDS
        if not feeds.is_dir():
            feeds = folder / "invented"
            feeds.mkdir()
            write_invented(feeds)
        files = sorted(feeds.glob("*.xml"))
        port = free_port()
        urls = [f"http://127.0.0.1:{port}/{file.name}" for file in files]
        with running(["-m", "bench.feed_files", str(feeds), "--port", str(port)], {}):
            wait_for(f"http://127.0.0.1:{port}/")
            parsed, parse_s = floor(files)
            known, reader_s = with_reader(folder, urls)
            with servers(folder) as environment:
                stored, our_s, peaks = ours(folder, environment, urls)
    base = parsed / parse_s
    table(
        f"Ingest of {len(files)} feeds",
        [
            ("what", "articles", "seconds", "articles/s", "of feedparser"),
            ("feedparser alone (parses)", parsed, f"{parse_s:.1f}", f"{base:.0f}", "1.00"),
            (
                "reader (fetches, stores)",
                known,
                f"{reader_s:.1f}",
                f"{known / reader_s:.0f}",
                f"{known / reader_s / base:.2f}",
            ),
            (
                "Signalist (fetches, stores, embeds, summarises)",
                stored,
                f"{our_s:.1f}",
                f"{stored / our_s:.0f}",
                f"{stored / our_s / base:.2f}",
            ),
        ],
    )
    print("  peak memory: " + ", ".join(f"{name} {peak / 2**20:.0f} MB" for name, peak in peaks.items()))


if __name__ == "__main__":
    main()
