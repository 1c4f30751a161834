"""`signalist feeds`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Signalist = Callable[..., Any]


FEED = "https://feeds.example/one.xml"
OPML = b"""<?xml version="1.0"?>
<opml version="2.0"><head/><body>
  <outline text="One" xmlUrl="https://feeds.example/one.xml"/>
  <outline text="Folder"><outline text="Two" xmlUrl="https://reader:secret@feeds.example/two.xml"/></outline>
</body></opml>
"""


def addresses(signalist: Signalist) -> set[str]:
    return {feed["url"] for feed in signalist("feeds", "list", "--json").json}


def test_a_feed_is_added_listed_crawled_and_removed(signalist: Signalist) -> None:
    done = signalist("feeds", "add", FEED)
    assert (done.code, done.out) == (0, "1 feed added and queued.\n")
    assert FEED in signalist("feeds", "list").out
    assert signalist("queues", "--json").json[0]["waiting"] == 1
    assert signalist("feeds", "crawl", FEED).out == "1 feed waited already.\n"
    assert signalist("feeds", "remove", FEED, "--yes").code == 0
    assert addresses(signalist) == set()


def test_an_address_that_will_not_do_does_not_keep_the_others_out(signalist: Signalist) -> None:
    done = signalist("feeds", "add", "ftp://feeds.example/", FEED)
    assert done.code == 1
    assert done.err.startswith("ftp://feeds.example/: ")
    assert addresses(signalist) == {FEED}


def test_an_export_brings_every_feed_back(signalist: Signalist, tmp_path: Path) -> None:
    file = tmp_path / "feeds.opml"
    file.write_bytes(OPML)
    assert signalist("feeds", "import", str(file)).out == "2 feeds added and queued.\n"
    before = addresses(signalist)
    exported = signalist("feeds", "export").out
    for url in before:
        signalist("feeds", "remove", url, "--yes")
    assert addresses(signalist) == set()
    assert signalist("feeds", "import", "-", stdin=exported.encode()).code == 0
    assert addresses(signalist) == before == {FEED, "https://feeds.example/two.xml"}


def test_passwords_in_addresses_are_in_the_export_only(signalist: Signalist) -> None:
    signalist("feeds", "import", "-", stdin=OPML)
    assert "secret" not in signalist("feeds", "list").out + signalist("feeds", "list", "--json").out
    assert "reader:secret@feeds.example" in signalist("feeds", "export").out


def test_removing_asks_and_without_anybody_there_does_nothing(signalist: Signalist) -> None:
    signalist("feeds", "add", FEED)
    done = signalist("feeds", "remove", FEED)
    assert done.code == 2
    assert "add --yes" in done.err
    assert addresses(signalist) == {FEED}


def test_a_feed_that_is_not_there_is_said(signalist: Signalist) -> None:
    assert signalist("feeds", "crawl", FEED).err == f"There is no feed {FEED}.\n"
    assert signalist("feeds", "remove", FEED, "--yes").code == 1


def test_what_to_crawl_has_to_be_said(signalist: Signalist) -> None:
    assert signalist("feeds", "crawl").code == 2
    assert signalist("feeds", "crawl", FEED, "--all").code == 2
    assert signalist("feeds", "crawl", "--all").out == "There is no enabled feed to crawl.\n"


def test_a_file_that_is_no_list_of_feeds_is_refused(signalist: Signalist, tmp_path: Path) -> None:
    missing = signalist("feeds", "import", str(tmp_path / "missing.opml"))
    assert missing.code == 2
    assert "cannot be read: No such file or directory" in missing.err
    assert signalist("feeds", "import", "-", stdin=b"<html></html>").code == 2


def test_a_title_cannot_write_to_the_terminal(signalist: Signalist) -> None:
    hostile = OPML.replace(b'text="One"', 'text="[red]One\u009b2J"'.encode())
    signalist("feeds", "import", "-", stdin=hostile)
    listed = signalist("feeds", "list").out
    assert "[red]One" in listed
    assert "\x1b" not in listed
    assert "\x9b" not in listed
