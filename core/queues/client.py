"""The connection to Redis, and the one edge at which its errors become ours."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis import exceptions as exc
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.cancellation import is_cancelled
from core.errors import Misconfigured, RedisFull, RedisRefused, RedisUnavailable, SignalistError

# A black-holed server is noticed after this many seconds; it must exceed every BLOCK that we ask for.
SOCKET_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class RedisFacts:
    """`used_memory` and `maxmemory` in bytes; `maxmemory` is 0 when there is no limit."""

    version: str
    used_memory: int
    maxmemory: int


def connect(url: str, *, timeout: float = SOCKET_TIMEOUT_S, retries: int = 1) -> Redis:
    """A client with a pool; it connects with its first command, and replies are bytes.

    `timeout`, in seconds, is for connecting and for each answer. `retries`: how often a command is sent again at once
    when the server has closed the connection, as it does when it restarts. Every script of ours may run twice.

    Accepts redis://, rediss:// (TLS), unix://, redis+sentinel://[:password@]host:port,host:port/master[/db] and
    redis+cluster://[:password@]host:port, the last two also as rediss+…. Raises Misconfigured for anything else.
    """
    scheme, _, rest = url.partition("://")
    kind, _, form = scheme.partition("+")
    try:
        match kind, form:
            case "redis" | "rediss" | "unix", "":
                return Redis.from_url(url, **_options(timeout, retries))
            case "redis" | "rediss", "sentinel":
                return _through_sentinel(url, _options(timeout, retries), tls=kind == "rediss")
            case "redis" | "rediss", "cluster":
                # The cluster client is no subclass of Redis, but has every command that is used here.
                cluster: Any = RedisCluster.from_url(f"{kind}://{rest}", **_options(timeout, retries))
                return cluster  # type: ignore[no-any-return]
    except (ValueError, TypeError) as error:
        raise Misconfigured(f"REDIS_URL: {error}") from None
    raise Misconfigured(
        "REDIS_URL: starts with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://, "
        f"but this one with {scheme or 'nothing'}://"
    )


def _options(timeout: float, retries: int) -> dict[str, Any]:
    return {
        "decode_responses": False,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "health_check_interval": 15,
        # Never after a timeout, which would multiply the wait.
        "retry": Retry(NoBackoff(), retries, supported_errors=(exc.ConnectionError,)),
    }


def _through_sentinel(url: str, common: dict[str, Any], *, tls: bool) -> Redis:
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    master, _, db = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError("a Sentinel address names the master, as in redis+sentinel://host:26379/mymaster")
    options = common | {"ssl": tls, "db": int(db or 0)}
    if parts.password:
        options["password"] = unquote(parts.password)
    if parts.username:
        options["username"] = unquote(parts.username)
    ask = {name: value for name, value in common.items() if name.startswith("socket_")} | {"ssl": tls}
    sentinel_password = parse_qs(parts.query).get("sentinel_password")
    if sentinel_password:
        ask["password"] = sentinel_password[0]
    sentinels = [(host or "127.0.0.1", int(port or 26379)) for host, _, port in _split(hosts)]
    sentinel = Sentinel(sentinels, sentinel_kwargs=ask)  # type: ignore[no-untyped-call]
    found: Redis = sentinel.master_for(master, **options)
    return found


def _split(hosts: str) -> list[tuple[str, str, str]]:
    return [host.rpartition(":") if ":" in host else (host, "", "") for host in hosts.split(",") if host]


def is_cluster(redis: Redis) -> bool:
    """One command reaches one slot only: no read over several queues."""
    return isinstance(redis, RedisCluster)


class redis_errors:  # noqa: N801 - used as a context manager, reads as a phrase
    """`with redis_errors():` errors of the driver and of the socket leave as ours; everything else as it was."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, exc.RedisError | exc.RedisClusterException | OSError):
            raise translated(error) from error
        if isinstance(error, asyncio.CancelledError) and not is_cancelled():
            raise RedisUnavailable("Redis does not answer.") from error


def translated(error: BaseException) -> SignalistError:
    """What an error of the driver means to us."""
    match error:
        case exc.OutOfMemoryError():
            return RedisFull()
        case exc.BusyLoadingError():
            return RedisUnavailable("Redis is still loading its data.")
        case exc.AuthenticationError() | exc.AuthorizationError() | exc.NoPermissionError():
            return RedisUnavailable("Redis refused the user name or the password.")
        case exc.TimeoutError() | TimeoutError():
            return RedisUnavailable("Redis does not answer.")
        case exc.ConnectionError() | exc.ClusterDownError() | exc.RedisClusterException() | OSError():
            return RedisUnavailable()
        case _:
            return RedisRefused(f"Redis refused a command: {error}")


async def server_facts(redis: Redis) -> RedisFacts:
    """Version and memory. Raises RedisUnavailable."""
    with redis_errors():
        facts: dict[str, Any] = await redis.info()
    # In a cluster, the answer of each node by its name.
    if is_cluster(redis) and "used_memory" not in facts:
        nodes = [node for node in facts.values() if isinstance(node, dict)]
        facts = max(nodes, key=lambda node: int(node.get("used_memory", 0)))
    version = facts.get("valkey_version") or facts.get("redis_version") or "unknown"
    return RedisFacts(str(version), int(facts["used_memory"]), int(facts.get("maxmemory", 0)))
