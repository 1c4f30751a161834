"""Which addresses a feed may have, which the crawler connects to, and how they are shown."""

import pytest

from core.errors import BadRequest
from core.pipeline.addresses import feed_url, is_public, shown

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "not an address",
    "",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_the_crawler_stays_out_of_every_range_that_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_the_crawler_goes_to_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("example.org/feed.xml", "https://example.org/feed.xml"),
        ("example.org:8080/feed", "https://example.org:8080/feed"),
        ("  HTTP://Example.ORG/Feed.xml#top ", "http://example.org/Feed.xml"),
        ("https://example.org:443", "https://example.org/"),
        ("http://example.org:80/a?b=c", "http://example.org/a?b=c"),
        ("feed://example.org/rss", "https://example.org/rss"),
        ("feed:http://example.org/rss", "http://example.org/rss"),
        ("http://[2606:4700::1]:8080/x", "http://[2606:4700::1]:8080/x"),
        ("https://me:secret@example.org/private", "https://me:secret@example.org/private"),
        ("https://example.org/a\n b", "https://example.org/ab"),
    ],
)
def test_one_feed_has_one_spelling(typed: str, stored: str) -> None:
    assert feed_url(typed) == stored
    assert feed_url(stored) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "http://",
        "https:///path",
        "ftp://example.org/feed",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "mailto:someone@example.org",
        "http://example.org:99999/",
        "http://[::1/feed",
        "https://example.org/" + "x" * 3000,
    ],
)
def test_what_cannot_be_crawled_is_refused_with_a_sentence(typed: str) -> None:
    with pytest.raises(BadRequest) as refused:
        feed_url(typed)
    assert str(refused.value).endswith(".")


def test_a_refusal_never_repeats_the_password() -> None:
    with pytest.raises(BadRequest) as refused:
        feed_url("ftp://me:hunter22@example.org/feed")
    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://me:secret@example.org/feed?x=1", "https://example.org/feed?x=1"),
        ("https://me:se@cret@example.org/", "https://example.org/"),
        ("https://example.org/", "https://example.org/"),
        ("http://[broken", "an address that cannot be read"),
    ],
)
def test_passwords_are_not_shown(url: str, seen: str) -> None:
    assert shown(url) == seen
