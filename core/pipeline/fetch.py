"""Getting a feed from a server that nobody vouches for.

Every connection passes `_public_socket`, which sees the very IP address that is about to be connected to: whatever
the name, its spelling, its DNS answers or a redirect say, and however they change between two looks.
"""

import asyncio
import datetime as dt
import email.utils
import socket
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver
from yarl import URL

from core.errors import FeedUnreachable, FeedUnusable, RetryLater
from core.pipeline import inflate
from core.pipeline.addresses import LONGEST_URL, is_public, shown
from core.pipeline.inflate import Inflater

log = structlog.get_logger(__name__)

# The largest real feed that was found has 4 MB; a larger answer is a mistake or an attack.
LARGEST_BODY = 10_000_000
LONGEST_FETCH_S = 20.0
MOST_REDIRECTS = 5
# As many connections to one server as a browser opens.
PER_SERVER = 6
# Some servers send policies of many kilobytes in one header line.
LONGEST_HEADER = 32_768
_PERMANENT = {301, 308}
_REDIRECTS = {301, 302, 303, 307, 308}
_BUSY = {429, 503}
_HEADERS = {
    "User-Agent": f"Signalist/{version('signalist')} (feed crawler)",
    "Accept": "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, */*;q=0.5",
    "Accept-Encoding": inflate.ACCEPTED,
}


@dataclass(frozen=True)
class Validators:
    """What the server said to recognise the present version by."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Fetched:
    """A body that is new. `url` answered it; `moved_to` is where the feed is from now on, if it moved for good."""

    url: str
    moved_to: str | None
    body: bytes
    content_type: str
    validators: Validators


@dataclass(frozen=True)
class NotModified:
    moved_to: str | None


@dataclass(frozen=True)
class Gone:
    """The server says that the feed will not come back."""


class AddressRefused(OSError):
    """The address leads into a private network."""


def open_session(*, allow_private: bool, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """A session for `fetch`, which alone decides what may be connected to.

    `allow_private` (CRAWLER_ALLOW_PRIVATE) is for feeds inside one's own network.
    """
    connector = aiohttp.TCPConnector(
        resolver=resolver,
        limit_per_host=PER_SERVER,
        socket_factory=None if allow_private else _public_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        # The time limit of `fetch` is for everything together.
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        # Unpacked here, where the size is counted.
        auto_decompress=False,
        headers=_HEADERS,
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
    )


async def fetch(
    http: aiohttp.ClientSession, url: str, validators: Validators | None = None, *, limit_s: float = LONGEST_FETCH_S
) -> Fetched | NotModified | Gone:
    """Asks for `url`, following redirects, unless it is still what `validators` describe.

    Raises FeedUnusable for what trying again would not change, RetryLater when the server says when to come back,
    FeedUnreachable for everything else. No message shows a user name or password of an address.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await _follow(http, url, validators or Validators())
    except TimeoutError:
        raise FeedUnreachable(f"{_host(url)} took longer than {limit_s:g} seconds to answer.") from None


async def _follow(http: aiohttp.ClientSession, url: str, validators: Validators) -> Fetched | NotModified | Gone:
    at, for_good = url, True
    for _ in range(MOST_REDIRECTS + 1):
        answer = await _ask(http, at, validators, moved_to=at if for_good and at != url else None)
        if not isinstance(answer, _Redirect):
            if isinstance(answer, Gone) and not for_good:
                raise FeedUnusable(f"The feed redirects to {shown(at)}, which is gone (410).")
            return answer
        for_good = for_good and answer.for_good
        at = answer.to
        log.info("redirected", to=shown(at), for_good=answer.for_good)
    raise FeedUnusable(f"The feed redirects more than {MOST_REDIRECTS} times.")


@dataclass(frozen=True)
class _Redirect:
    to: str
    for_good: bool


async def _ask(
    http: aiohttp.ClientSession, url: str, validators: Validators, moved_to: str | None
) -> Fetched | NotModified | Gone | _Redirect:
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    try:
        async with http.get(
            URL(url), allow_redirects=False, headers={name: value for name, value in headers.items() if value}
        ) as response:
            return await _answer(response, url, moved_to)
    except aiohttp.ClientConnectorDNSError as error:
        raise _unresolved(error, url) from None
    except aiohttp.ClientConnectorCertificateError:
        raise FeedUnusable(f"The certificate of {_host(url)} is not valid.") from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefused):
            raise FeedUnusable(
                f"{_host(url)} is an address inside a private network, where the crawler does not go "
                "(CRAWLER_ALLOW_PRIVATE)."
            ) from None
        raise FeedUnreachable(f"{_host(url)} does not accept connections.") from None
    except (aiohttp.InvalidURL, ValueError):
        raise FeedUnusable(f"{shown(url)} is not a valid address.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise FeedUnreachable(f"The connection to {_host(url)} failed ({type(error).__name__}).") from None


async def _answer(
    response: aiohttp.ClientResponse, url: str, moved_to: str | None
) -> Fetched | NotModified | Gone | _Redirect:
    status = response.status
    if status in _REDIRECTS and "Location" in response.headers:
        return _Redirect(_target(url, response.headers["Location"]), status in _PERMANENT)
    if status == 304:
        return NotModified(moved_to)
    if status == 410:
        return Gone()
    if status == 200:
        return Fetched(
            url=url,
            moved_to=moved_to,
            body=await _body(response),
            content_type=response.headers.get("Content-Type", ""),
            validators=Validators(*(_word(response.headers.get(name)) for name in ("ETag", "Last-Modified"))),
        )
    said = f"{_host(url)} answered {status} {_phrase(status)}".rstrip() + "."
    wait = _retry_after(response.headers.get("Retry-After"), dt.datetime.now(dt.UTC))
    if status in _BUSY and wait is not None:
        raise RetryLater(said, retry_after=wait)
    # Asking a server that says "too many" again in a second would be rude; the next crawl is soon enough.
    raise FeedUnreachable(said) if status >= 500 or status == 408 else FeedUnusable(said)


def _word(value: str | None) -> str | None:
    """What can be stored and sent back: bytes that are no UTF-8 cannot."""
    return value if value and value.isprintable() else None


def _phrase(status: int) -> str:
    """What the standard calls it: the server's own words may be anything, down to the password that we sent it."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


async def _body(response: aiohttp.ClientResponse) -> bytes:
    inflater = Inflater(response.headers.get("Content-Encoding", ""), LARGEST_BODY)
    async for piece in response.content.iter_any():
        inflater.feed(piece)
    return inflater.body()


def _target(url: str, location: str) -> str:
    try:
        target = urljoin(url, location.strip())
        scheme = urlsplit(target).scheme
    except ValueError:
        raise FeedUnusable(f"{_host(url)} redirects to an address that is not valid.") from None
    if len(target) > LONGEST_URL:
        raise FeedUnusable(f"{_host(url)} redirects to an address longer than {LONGEST_URL:,} characters.")
    if scheme not in {"http", "https"}:
        raise FeedUnusable(f"{_host(url)} redirects to {scheme[:20]}:, and only http and https are crawled.")
    return target


def _unresolved(error: aiohttp.ClientConnectorDNSError, url: str) -> FeedUnusable | FeedUnreachable:
    if error.os_error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
        return FeedUnusable(f"There is no server named {_host(url)}.")
    return FeedUnreachable(f"The name {_host(url)} could not be looked up.")


def _retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds from now, of either form that HTTP allows."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or dt.UTC) - now).total_seconds())


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or shown(url)
    except ValueError:
        return "The server"


def _public_socket(info: tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]) -> socket.socket:
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise AddressRefused(str(AddressRefused.__doc__))
    return socket.socket(family, kind, protocol)
