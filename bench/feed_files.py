"""Serves a folder of feed files on a loopback port, as web servers would: with an ETag, and 304 for who has it."""

import argparse
import hashlib
from pathlib import Path

from aiohttp import web

from core.demo.feed_server import rss
from core.demo.stories import TOPICS

INVENTED = 85


def write_invented(folder: Path) -> None:
    """Feeds to measure with where no real ones are at hand: as many, of 20 articles each."""
    topics = list(TOPICS)
    for number in range(INVENTED):
        text = rss(topics[number % len(topics)], 1000 + number * 100, "http://127.0.0.1")
        (folder / f"{number:03}.xml").write_text(text)


def app(folder: Path) -> web.Application:
    bodies = {file.name: file.read_bytes() for file in sorted(folder.glob("*.xml"))}

    async def answer(request: web.Request) -> web.Response:
        body = bodies.get(request.match_info["name"])
        if body is None:
            raise web.HTTPNotFound
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304)
        return web.Response(body=body, content_type="application/xml", headers={"ETag": etag})

    served = web.Application()
    served.router.add_get("/{name}", answer)
    return served


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args()
    web.run_app(app(chosen.folder), host="127.0.0.1", port=chosen.port, print=None)


if __name__ == "__main__":
    main()
