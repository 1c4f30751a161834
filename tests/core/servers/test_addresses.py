"""What is said about ports and addresses."""

import os
import re
import socket

import pytest

from core.errors import Conflict, Misconfigured
from core.servers.addresses import check_free, web_address, without_secrets


def test_a_port_in_use_is_named_with_its_user_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} on 127.0.0.1 is in use.*: stop that, or set PORT") as caught:
            check_free("127.0.0.1", port)
    assert re.search(rf"by \S+ \(process {os.getpid()}\)", str(caught.value))


def test_a_free_port_is_free_at_once_after_its_last_user() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            pass
    check_free("127.0.0.1", port)


def test_a_host_that_is_not_here_is_a_wrong_setting() -> None:
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.1:8080"):
        check_free("192.0.2.1", 8080)
    with pytest.raises(Misconfigured, match=r"no-such-host\.invalid"):
        check_free("no-such-host.invalid", 8080)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("box.example", "http://box.example:8080"),
    ],
)
def test_the_printed_address_works_in_a_browser(host: str, address: str) -> None:
    assert web_address(host, 8080) == address


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:secret@db.example:5432/signalist?sslpassword=secret", "db.example:5432/signalist"),
        ("redis://:secret@redis.example:6379/0", "redis.example:6379/0"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
