"""A web server on this machine with feeds that grow, and some that are broken in the ways that feeds are."""

import argparse
import asyncio
import datetime as dt
import hashlib
from email.utils import format_datetime
from xml.sax.saxutils import escape

from aiohttp import web

from core.demo.stories import TOPICS, story

# How many articles a feed shows, as most real ones do, and how often a new one is written.
SHOWN = 20
NEW_EVERY_S = 30.0
# Stories are numbered from this day on, so that they go on where they were after a restart.
FIRST_DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BROKEN = {
    "overloaded": "answers 503",
    "crashing": "answers 500",
    "not-a-feed": "answers with a page of prose",
    "gone": "answers 410: it will be switched off",
    "silent": "accepts and never answers",
}


def slug(topic: str) -> str:
    return topic.lower().replace(" ", "-")


def addresses(port: int) -> tuple[str, ...]:
    """The feeds of the demo server on `port`: those that work, then those that do not."""
    base = f"http://127.0.0.1:{port}"
    return (*(f"{base}/feeds/{slug(t)}.xml" for t in TOPICS), *(f"{base}/broken/{name}" for name in BROKEN))


def rss(topic: str, newest: int, base: str) -> str:
    """The feed of `topic` whose newest story is number `newest`, as RSS 2.0."""
    items = []
    for number in range(newest, newest - SHOWN, -1):
        told = story(topic, number)
        body = "".join(f"<p>{escape(p)}</p>" for p in told.paragraphs)
        at = FIRST_DAY + dt.timedelta(seconds=number * NEW_EVERY_S)
        items.append(
            f"<item><title>{escape(told.title)}</title><link>{base}/stories/{slug(topic)}/{number}</link>"
            f'<guid isPermaLink="false">{slug(topic)}-{number}</guid><author>{escape(told.author)}</author>'
            f"<pubDate>{format_datetime(at)}</pubDate><description>{escape(body)}</description></item>"
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{escape(topic)}</title><link>{base}/</link><description>Invented for the demo</description>"
        f"<ttl>1</ttl>{''.join(items)}</channel></rss>"
    )


class FeedServer:
    """Each feed writes one more story every NEW_EVERY_S."""

    def __init__(self) -> None:
        self._topics = {slug(topic): topic for topic in TOPICS}

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/feeds/{name}.xml", self._feed)
        app.router.add_get("/stories/{topic}/{number}", self._story)
        app.router.add_get("/broken/{how}", self._broken)
        return app

    async def _feed(self, request: web.Request) -> web.Response:
        topic = self._topics.get(request.match_info["name"])
        if topic is None:
            raise web.HTTPNotFound
        newest = int((dt.datetime.now(dt.UTC) - FIRST_DAY).total_seconds() / NEW_EVERY_S)
        etag = hashlib.sha256(f"{topic}/{newest}".encode()).hexdigest()[:16]
        if request.headers.get("If-None-Match") == f'"{etag}"':
            return web.Response(status=304)
        body = rss(topic, newest, f"{request.scheme}://{request.host}")
        return web.Response(text=body, content_type="application/rss+xml", headers={"ETag": f'"{etag}"'})

    async def _story(self, request: web.Request) -> web.Response:
        topic, number = self._topics.get(request.match_info["topic"]), request.match_info["number"]
        if topic is None or not number.isdecimal():
            raise web.HTTPNotFound
        told = story(topic, int(number))
        body = "".join(f"<p>{escape(p)}</p>" for p in told.paragraphs)
        return web.Response(text=f"<!doctype html><title>{escape(told.title)}</title>{body}", content_type="text/html")

    async def _broken(self, request: web.Request) -> web.Response:
        match request.match_info["how"]:
            case "overloaded":
                return web.Response(status=503, headers={"Retry-After": "3"})
            case "crashing":
                return web.Response(status=500, text="Internal Server Error")
            case "gone":
                return web.Response(status=410)
            case "silent":
                await asyncio.sleep(60)
                raise web.HTTPGatewayTimeout
            case _:
                return web.Response(text="<!doctype html><p>There is no feed here.</p>", content_type="text/html")


def main() -> None:
    """Serves on the loopback port that is given until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    # The feed that never answers would hold up the end.
    web.run_app(FeedServer().app(), host="127.0.0.1", port=parser.parse_args().port, print=None, shutdown_timeout=0.5)


if __name__ == "__main__":
    main()
