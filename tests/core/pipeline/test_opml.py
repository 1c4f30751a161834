"""Lists of feeds from other readers, and to them."""

import datetime as dt

import pytest

from core.errors import BadRequest
from core.pipeline.opml import LARGEST_FILE, Outline, read, write

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)


def opml(body: str, head: str = '<?xml version="1.0" encoding="utf-8"?>') -> bytes:
    return f'{head}<opml version="2.0"><head><title>Mine</title></head><body>{body}</body></opml>'.encode()


def test_folders_are_opened_and_the_order_is_kept() -> None:
    found = read(
        opml(
            '<outline text="Tech"><outline type="rss" text="A" title="Feed A" xmlUrl="https://a.example/rss"/>'
            '<outline text="Deeper"><outline text="Feed B" xmlUrl="b.example/rss"/></outline></outline>'
            '<OUTLINE Text="Feed C" XMLURL="HTTP://C.example/rss"/>'
        )
    )
    assert found.outlines == (
        Outline("https://a.example/rss", "Feed A"),
        Outline("https://b.example/rss", "Feed B"),
        Outline("http://c.example/rss", "Feed C"),
    )
    assert found.faults == ()


def test_what_comes_twice_is_counted_once() -> None:
    found = read(opml('<outline xmlUrl="https://a.example/"/><outline xmlUrl="a.example"/>' * 2))
    assert found.outlines == (Outline("https://a.example/", ""),)
    assert found.repeated == 3


def test_a_bad_line_is_reported_and_the_rest_is_imported() -> None:
    found = read(
        opml(
            '<outline text="x" xmlUrl="ftp://me:hunter22@a.example/"/><outline type="rss" text="No address"/>'
            '<outline xmlUrl="javascript:alert(1)"/><outline text="A folder"/><outline xmlUrl="https://a.example/"/>'
        )
    )
    assert [outline.url for outline in found.outlines] == ["https://a.example/"]
    assert [(fault.text, fault.reason) for fault in found.faults] == [
        ("ftp://a.example/", "ftp: addresses cannot be crawled, only http and https."),
        ("No address", "It has no xmlUrl."),
        ("javascript:alert(1)", found.faults[2].reason),
    ]
    assert all(fault.reason.endswith(".") for fault in found.faults)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not valid XML"),
        (b"hello", "not valid XML"),
        (opml("<outline>"), r"not valid XML \(line 1\)"),
        (b"<rss version='2.0'/>", "XML, but not OPML"),
        (b"<?xml version='1.0' encoding='no-such'?><opml/>", "not valid XML|encoding"),
        (b" " * (LARGEST_FILE + 1), "larger than 10 MB"),
    ],
)
def test_what_is_no_list_is_refused_with_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadRequest, match=sentence):
        read(body)


@pytest.mark.parametrize(
    "declared",
    ['<!ENTITY a "b">', '<!ENTITY a SYSTEM "file:///etc/passwd">', '<!ENTITY % a SYSTEM "http://127.0.0.1/x.dtd"> %a;'],
)
def test_entities_are_refused_before_they_are_used(declared: str) -> None:
    with pytest.raises(BadRequest, match="declares entities"):
        read(opml("<outline xmlUrl='&a;'/>", head=f"<!DOCTYPE opml [{declared}]>"))


def test_an_encoding_other_than_utf_8_is_read() -> None:
    document = opml('<outline text="Café" xmlUrl="https://a.example/"/>', '<?xml version="1.0" encoding="iso-8859-1"?>')
    assert read(document.decode().encode("iso-8859-1")).outlines[0].title == "Café"


def test_what_is_exported_can_be_imported() -> None:
    outlines = (
        Outline("https://a.example/rss?a=1&b=2", 'Tom & "Jerry\'s" <News> 😀'),
        Outline("https://me:secret@b.example/", "Private"),
    )
    document = write(outlines, NOW)
    assert read(document).outlines == outlines
    assert document.startswith(b"<?xml")
    assert b"Sun, 17 May 2026 12:00:00 GMT" in document


def test_a_feed_without_a_title_is_exported_under_its_address() -> None:
    assert b'text="https://b.example/"' in write([Outline("https://me:secret@b.example/", "")], NOW)
