"""Getting feeds from servers that behave, that misbehave, and that attack."""

import asyncio
import gzip
import itertools
import socket
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from core.errors import FeedUnreachable, FeedUnusable, RetryLater
from core.pipeline import fetch as fetching
from core.pipeline.addresses import is_public
from core.pipeline.fetch import Fetched, Gone, NotModified, Validators, fetch, open_session

FEED = b"<rss version='2.0'><channel><title>News</title></channel></rss>"


async def test_a_feed_comes_with_what_recognises_its_version(site: Any, http: aiohttp.ClientSession) -> None:
    url = site.says("/feed", FEED, ETag='"v1"', Last_Modified="Sun, 17 May 2026 10:00:00 GMT", Content_Type="text/xml")
    found = await fetch(http, url)
    assert found == Fetched(url, None, FEED, "text/xml", Validators('"v1"', "Sun, 17 May 2026 10:00:00 GMT"))
    assert site.requests[0].headers["User-Agent"].startswith("Signalist/")
    assert "If-None-Match" not in site.requests[0].headers


async def test_an_unchanged_feed_is_not_sent_again(site: Any, http: aiohttp.ClientSession) -> None:
    async def answer(request: web.Request) -> web.Response:
        same = request.headers.get("If-None-Match") == '"v1"' and "If-Modified-Since" in request.headers
        return web.Response(status=304 if same else 200, body=FEED)

    site.answers["/feed"] = answer
    validators = Validators('"v1"', "Sun, 17 May 2026 10:00:00 GMT")
    assert await fetch(http, site.url("/feed"), validators) == NotModified(moved_to=None)


async def test_a_feed_that_is_gone_says_so(site: Any, http: aiohttp.ClientSession) -> None:
    assert await fetch(http, site.says("/feed", status=410)) == Gone()


@pytest.mark.parametrize("hops", [(301,), (308,), (301, 308, 301)])
async def test_a_feed_that_moved_for_good_says_where_to(
    site: Any, http: aiohttp.ClientSession, hops: tuple[int, ...]
) -> None:
    for number, status in enumerate(hops):
        site.says(f"/{number}", status=status, Location=f"/{number + 1}")
    end = site.says(f"/{len(hops)}", FEED)
    found = await fetch(http, site.url("/0"))
    assert isinstance(found, Fetched)
    assert (found.url, found.moved_to) == (end, end)


@pytest.mark.parametrize("hops", [(302,), (307,), (303,), (301, 302), (302, 301)])
async def test_one_temporary_hop_leaves_the_feed_where_it_is(
    site: Any, http: aiohttp.ClientSession, hops: tuple[int, ...]
) -> None:
    for number, status in enumerate(hops):
        site.says(f"/{number}", status=status, Location=f"/{number + 1}")
    site.says(f"/{len(hops)}", FEED)
    found = await fetch(http, site.url("/0"))
    assert isinstance(found, Fetched)
    assert found.moved_to is None


async def test_five_redirects_are_followed_and_a_sixth_is_not(site: Any, http: aiohttp.ClientSession) -> None:
    for number in range(6):
        site.says(f"/{number}", status=302, Location=f"/{number + 1}")
    site.says("/6", FEED)
    assert isinstance(await fetch(http, site.url("/1")), Fetched)
    with pytest.raises(FeedUnusable, match="more than 5 times"):
        await fetch(http, site.url("/0"))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.org/x", "gopher://x.example", "javascript:1"])
async def test_a_redirect_to_another_protocol_is_refused(site: Any, http: aiohttp.ClientSession, target: str) -> None:
    with pytest.raises(FeedUnusable, match="only http and https"):
        await fetch(http, site.says("/feed", status=301, Location=target))


@pytest.mark.parametrize(("status", "kind"), [(404, FeedUnusable), (401, FeedUnusable), (403, FeedUnusable)])
async def test_what_another_try_would_not_change_is_told_apart(
    site: Any, http: aiohttp.ClientSession, status: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match=rf"127\.0\.0\.1 answered {status}"):
        await fetch(http, site.says("/feed", status=status))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_in_trouble_is_worth_another_try(site: Any, http: aiohttp.ClientSession, status: int) -> None:
    with pytest.raises(FeedUnreachable, match=str(status)):
        await fetch(http, site.says("/feed", status=status))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_says_when_to_come_back(site: Any, http: aiohttp.ClientSession, status: int) -> None:
    with pytest.raises(RetryLater) as busy:
        await fetch(http, site.says("/feed", status=status, Retry_After="17"))
    assert busy.value.retry_after == 17
    with pytest.raises(RetryLater) as busy:
        await fetch(http, site.says("/feed", status=status, Retry_After="Thu, 01 Jan 2099 00:00:00 GMT"))
    assert busy.value.retry_after > 86_400 * 365


async def test_too_many_requests_without_a_time_are_not_answered_with_more(
    site: Any, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(FeedUnusable, match="429"):
        await fetch(http, site.says("/feed", status=429))


async def test_a_server_that_refuses_connections_is_worth_another_try(http: aiohttp.ClientSession) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/feed"
        with pytest.raises(FeedUnreachable, match="does not accept connections"):
            await fetch(http, url)


async def test_a_name_that_does_not_exist_is_said_once(site: Any) -> None:
    async with open_session(allow_private=True, resolver=_Answers(socket.gaierror(socket.EAI_NONAME, "none"))) as http:
        with pytest.raises(FeedUnusable, match=r"no server named nowhere\.example"):
            await fetch(http, "http://nowhere.example/feed")


async def test_a_slow_server_costs_the_time_limit_and_no_more(site: Any, http: aiohttp.ClientSession) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    site.answers["/feed"] = drip
    started = time.monotonic()
    with pytest.raises(FeedUnreachable, match=r"took longer than 0\.3 seconds"):
        await fetch(http, site.url("/feed"), limit_s=0.3)
    assert time.monotonic() - started < 2


async def test_redirects_share_one_time_limit(site: Any, http: aiohttp.ClientSession) -> None:
    async def slow_hop(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response(status=302, headers={"Location": request.path + "x"})

    for count in range(6):
        site.answers["/x" + "x" * count] = slow_hop
    with pytest.raises(FeedUnreachable, match="took longer"):
        await fetch(http, site.url("/x"), limit_s=0.5)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body, wbits=-15)),
        ("gzip", lambda body: gzip.compress(body[:20]) + gzip.compress(body[20:])),
        ("gzip", lambda body: gzip.compress(body) + b"rubbish"),
        ("identity", bytes),
        ("", bytes),
    ],
)
async def test_a_packed_feed_is_unpacked(site: Any, http: aiohttp.ClientSession, encoding: str, pack: Any) -> None:
    found = await fetch(http, site.says("/feed", pack(FEED), Content_Encoding=encoding))
    assert isinstance(found, Fetched)
    assert found.body == FEED


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress"])
async def test_a_packing_that_was_not_asked_for_is_refused(
    site: Any, http: aiohttp.ClientSession, encoding: str
) -> None:
    with pytest.raises(FeedUnusable, match="not asked for"):
        await fetch(http, site.says("/feed", FEED, Content_Encoding=encoding))


async def test_a_packed_feed_that_breaks_off_is_worth_another_try(site: Any, http: aiohttp.ClientSession) -> None:
    with pytest.raises(FeedUnreachable, match="broke off"):
        await fetch(http, site.says("/feed", gzip.compress(FEED * 50)[:-20], Content_Encoding="gzip"))


async def test_a_damaged_packing_is_refused(site: Any, http: aiohttp.ClientSession) -> None:
    with pytest.raises(FeedUnusable, match="cannot be unpacked"):
        await fetch(http, site.says("/feed", b"plain text, not gzip", Content_Encoding="gzip"))


def _zeros(wbits: int, megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(megabytes)), packer.flush()])


@pytest.mark.parametrize(("encoding", "wbits"), [("gzip", 31), ("deflate", 15), ("deflate", -15)])
async def test_a_bomb_is_defused_before_it_goes_off(
    site: Any, http: aiohttp.ClientSession, encoding: str, wbits: int
) -> None:
    bomb = _zeros(wbits, 100)
    assert len(bomb) < 120_000
    url = site.says("/feed", bomb, Content_Encoding=encoding)
    tracemalloc.start()
    try:
        with pytest.raises(FeedUnusable, match="larger than 10 MB"):
            await fetch(http, url)
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()


async def test_an_endless_row_of_empty_packets_ends(site: Any, http: aiohttp.ClientSession) -> None:
    url = site.says("/feed", gzip.compress(b"") * 100_000, Content_Encoding="gzip")
    with pytest.raises(FeedUnusable, match="cannot be unpacked"):
        await fetch(http, url)


async def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not(site: Any, http: aiohttp.ClientSession) -> None:
    largest = await fetch(http, site.says("/feed", bytes(fetching.LARGEST_BODY)))
    assert isinstance(largest, Fetched)
    with pytest.raises(FeedUnusable, match="larger than 10 MB"):
        await fetch(http, site.says("/feed", bytes(fetching.LARGEST_BODY + 1)))


async def test_a_body_without_an_end_is_cut_off(site: Any, http: aiohttp.ClientSession) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 20))

    site.answers["/feed"] = pour
    with pytest.raises(FeedUnusable, match="larger than 10 MB"):
        await fetch(http, site.url("/feed"))


async def test_long_headers_are_no_reason_to_fail(site: Any, http: aiohttp.ClientSession) -> None:
    found = await fetch(http, site.says("/feed", FEED, Content_Security_Policy="x" * 20_000))
    assert isinstance(found, Fetched)


# Every way to write an address of this machine, its network or its cloud that was found in the wild.
HOSTS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.000.000.001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "0X7F.1",
    "2130706433",
    "017700000001",
    "00000000177.0.0.1",
    "127.0.0.1.",
    "0",
    "0.0.0.0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "１２７.０.０.１",
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
    "%31%32%37.0.0.1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0000:0000:0000:0000:0000:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "192.0.0.192",
    "168.63.129.16",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "169.254.169.254.",
    "169.254.43518",
    "0xA9.0xFE.0xA9.0xFE",
    "192.0.2.1",
    "192.88.99.1",
    "203.0.113.1",
    "239.255.255.250",
    "[::ffff:0:127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[2002:a9fe:a9fe::1]",
    "[2001:db8::1]",
    "[100::1]",
    "[fe80::a9fe:a9fe]",
    "user:password@127.0.0.1",
    "example.org@127.0.0.1",
    "example.org%23@127.0.0.1",
    "127.0.0.1#@example.org",
    "127.0.0.1?@example.org",
]


@pytest.mark.parametrize("host", HOSTS)
async def test_no_spelling_of_a_private_address_is_connected_to(
    host: str, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[object] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", lambda *args: attempts.append(args))
    place = host.replace("#", f":{trap.port}/#", 1).replace("?", f":{trap.port}/?", 1)
    url = f"http://{place}" if place != host else f"http://{host}:{trap.port}/feed"
    async with open_session(allow_private=False) as http:
        with pytest.raises((FeedUnusable, FeedUnreachable)) as refused:
            await fetch(http, url, limit_s=5)
    assert attempts == []
    assert trap.connections == 0
    assert "password" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "localhost", "0x7f.1"])
async def test_a_redirect_leads_to_no_private_address_either(
    host: str, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        to = f"http://{host}:{trap.port}/"
        writer.write(f"HTTP/1.1 301 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await _counting_as_public(redirect, monkeypatch)
    async with server, open_session(allow_private=False) as http:
        start = f"http://127.0.0.2:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(FeedUnusable, match=r"private network|not a valid address"):
            await fetch(http, start)
    assert trap.connections == 0


async def _counting_as_public(answer: Any, monkeypatch: pytest.MonkeyPatch) -> asyncio.Server:
    """A server that counts as public, for this test; the trap is on an address that does not."""
    try:
        server = await asyncio.start_server(answer, "127.0.0.2", 0)
    except OSError:
        pytest.skip("This machine has only one loopback address.")
    monkeypatch.setattr(fetching, "is_public", lambda address: address == "127.0.0.2" or is_public(address))
    return server


@pytest.mark.parametrize("hop", range(5))
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_hop_of_a_chain_leads_to_a_private_address(
    hop: int, status: int, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = int((await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].strip(b"/"))
        asked.append(number)
        # To a name that is public for every look but the one of the last hop.
        to = f"http://rebind.example:{trap.port}/" if number == hop else f"/{number + 1}"
        writer.write(f"HTTP/1.1 {status} Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await _counting_as_public(redirect, monkeypatch)
    async with server, open_session(allow_private=False, resolver=_Answers("127.0.0.1")) as http:
        with pytest.raises(FeedUnusable, match=r"rebind\.example is an address inside a private network"):
            await fetch(http, f"http://127.0.0.2:{server.sockets[0].getsockname()[1]}/0")
    assert asked == list(range(hop + 1))
    assert trap.connections == 0


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "dict", "ldap", "data", "jar", "javascript", "unix", "ws"])
async def test_only_http_is_spoken_on_every_hop(site: Any, http: aiohttp.ClientSession, scheme: str) -> None:
    site.says("/0", status=302, Location="/1")
    site.says("/1", status=302, Location=f"{scheme}://127.0.0.1/etc/passwd")
    with pytest.raises(FeedUnusable, match="only http and https"):
        await fetch(http, site.url("/0"))
    with pytest.raises((FeedUnusable, FeedUnreachable)):
        await fetch(http, f"{scheme}://127.0.0.1/etc/passwd")
    assert len(site.requests) == 2


@pytest.mark.parametrize("answer", ["1.1.1.1 127.0.0.1", "127.0.0.1 1.1.1.1", "::1 10.0.0.1 1.1.1.1 169.254.169.254"])
async def test_a_name_with_a_public_and_a_private_address_leads_to_the_public_one_only(
    answer: str, trap: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[str] = []

    async def refuse(_: socket.socket, address: tuple[str, int]) -> None:
        attempts.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", refuse)
    async with open_session(allow_private=False, resolver=_Answers(answer)) as http:
        with pytest.raises((FeedUnusable, FeedUnreachable)):
            await fetch(http, f"http://both.example:{trap.port}/feed")
    assert set(attempts) == {"1.1.1.1"}
    assert trap.connections == 0


async def test_a_proxy_in_the_environment_is_not_asked(
    site: Any, trap: Any, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would connect in our place, and to whatever it is told.
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    assert isinstance(await fetch(http, site.says("/feed", FEED)), Fetched)
    assert trap.connections == 0


class _Answers(AbstractResolver):
    """DNS that answers in turn: addresses, or an error."""

    def __init__(self, *answers: str | OSError) -> None:
        self.asked = 0
        self._answers: Iterator[str | OSError] = itertools.chain(answers, itertools.repeat(answers[-1]))

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        answer = next(self._answers)
        if isinstance(answer, OSError):
            raise answer
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(hostname=host, host=address, port=port, family=_family(address), proto=0, flags=flags)
            for address in answer.split()
        ]

    async def close(self) -> None:
        return None


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.mark.parametrize("answer", ["127.0.0.1", "::1", "10.1.2.3 127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"])
async def test_a_public_name_of_a_private_address_is_refused(answer: str, trap: Any) -> None:
    async with open_session(allow_private=False, resolver=_Answers(answer)) as http:
        with pytest.raises(FeedUnusable, match=r"public\.example is an address inside a private network"):
            await fetch(http, f"http://public.example:{trap.port}/feed")
    assert trap.connections == 0


async def test_a_name_that_changes_its_address_between_two_looks_gains_nothing(trap: Any) -> None:
    # Public when looked at first, this machine ever after: what a check before the request would fall for.
    rebinding = _Answers("192.0.2.1", "127.0.0.1")
    assert (await rebinding.resolve("rebind.example"))[0]["host"] == "192.0.2.1"
    async with open_session(allow_private=False, resolver=rebinding) as http:
        with pytest.raises(FeedUnusable, match="private network"):
            await fetch(http, f"http://rebind.example:{trap.port}/feed")
    assert rebinding.asked == 2
    assert trap.connections == 0


async def test_private_addresses_are_crawled_where_that_is_allowed(site: Any) -> None:
    async with open_session(allow_private=True) as http:
        assert isinstance(await fetch(http, site.says("/feed", FEED)), Fetched)


async def test_the_password_in_an_address_is_sent_but_never_told(
    site: Any, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    site.says("/feed", FEED)
    private = site.url("/feed").replace("http://", "http://me:hunter22@")
    assert isinstance(await fetch(http, private), Fetched)
    assert site.requests[0].headers["Authorization"] == aiohttp.encode_basic_auth("me", "hunter22")
    for path, status, headers in (
        ("/404", 404, {}),
        ("/500", 500, {}),
        ("/loop", 301, {"Location": private.replace("/feed", "/loop")}),
    ):
        site.says(path, status=status, **headers)
        with pytest.raises((FeedUnusable, FeedUnreachable)) as error:
            await fetch(http, private.replace("/feed", path))
        assert "hunter22" not in str(error.value)
    assert "hunter22" not in caplog.text


async def test_the_words_of_a_server_are_not_repeated(http: aiohttp.ClientSession) -> None:
    async def mock(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        sent = next(line for line in asked.splitlines() if line.startswith("Authorization"))
        writer.write(f"HTTP/1.1 404 <script> {sent} {'x' * 20_000}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(mock, "127.0.0.1", 0) as server:
        with pytest.raises(FeedUnusable) as error:
            await fetch(http, f"http://me:hunter22@127.0.0.1:{server.sockets[0].getsockname()[1]}/feed")
    assert str(error.value) == "127.0.0.1 answered 404 Not Found."


async def test_a_redirect_to_an_endless_address_is_refused(site: Any, http: aiohttp.ClientSession) -> None:
    with pytest.raises(FeedUnusable, match="longer than 2,000 characters"):
        await fetch(http, site.says("/feed", status=301, Location="/" + "x" * 3_000))


async def test_the_password_is_not_handed_to_another_server(site: Any, http: aiohttp.ClientSession) -> None:
    site.says("/feed", status=302, Location=site.url("/other").replace("127.0.0.1", "localhost"))
    site.says("/other", FEED)
    await fetch(http, site.url("/feed").replace("http://", "http://me:hunter22@"))
    assert [("Authorization" in request.headers) for request in site.requests] == [True, False]
