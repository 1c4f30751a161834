"""Feeds of every format, encoding and kind of neglect."""

import datetime as dt
import json
from pathlib import Path

import pytest

from core.pipeline.parse import parse
from core.pipeline.parsed import NotAFeed, ParsedArticle, ParsedFeed

NOW = dt.datetime(2026, 5, 17, 12, tzinfo=dt.UTC)
URL = "https://news.example/feeds/all.xml"


def read(document: str | bytes, content_type: str = "", url: str = URL) -> ParsedFeed:
    body = document.encode() if isinstance(document, str) else document
    return parse(body, content_type, url, NOW)


def rss(*items: str, channel: str = "<title>News</title>") -> str:
    listed = "".join(f"<item>{item}</item>" for item in items)
    return (
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">'
        f"<channel>{channel}{listed}</channel></rss>"
    )


def only(feed: ParsedFeed) -> ParsedArticle:
    (article,) = feed.articles
    return article


RSS_20 = rss(
    "<guid>tag:1</guid><link>https://news.example/1</link><title>One</title><dc:creator>Ann</dc:creator>"
    "<pubDate>Sun, 17 May 2026 10:00:00 +0200</pubDate><description>short</description>"
    "<content:encoded>&lt;p&gt;The long &lt;b&gt;text&lt;/b&gt;.&lt;/p&gt;</content:encoded>",
    channel="<title>News</title><link>https://news.example/</link><ttl>90</ttl>",
)
RSS_10 = (
    '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
    '<channel rdf:about="https://news.example/"><title>News</title><link>https://news.example/</link></channel>'
    '<item rdf:about="tag:1"><title>One</title><link>https://news.example/1</link><dc:creator>Ann</dc:creator>'
    "<dc:date>2026-05-17T08:00:00Z</dc:date><description>The long &lt;b&gt;text&lt;/b&gt;.</description></item>"
    "</rdf:RDF>"
)
RSS_091 = (
    '<rss version="0.91"><channel><title>News</title><link>https://news.example/</link><item><title>One</title>'
    "<link>https://news.example/1</link><description>The long text.</description></item></channel></rss>"
)
ATOM = (
    '<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><link href="https://news.example/"/>'
    "<entry><id>tag:1</id><title>One</title><author><name>Ann</name></author>"
    '<link rel="alternate" href="https://news.example/1"/><published>2026-05-17T08:00:00Z</published>'
    '<updated>2026-05-17T09:00:00Z</updated><summary>short</summary><content type="xhtml">'
    '<div xmlns="http://www.w3.org/1999/xhtml"><p>The long <b>text</b>.</p></div></content></entry></feed>'
)
JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "News",
        "home_page_url": "https://news.example/",
        "items": [
            {
                "id": "tag:1",
                "url": "https://news.example/1",
                "title": "One",
                "content_html": "<p>The long <b>text</b>.</p>",
                "summary": "short",
                "date_published": "2026-05-17T10:00:00+02:00",
                "authors": [{"name": "Ann"}],
            }
        ],
    }
)


@pytest.mark.parametrize("document", [RSS_20, RSS_10, ATOM, JSON_FEED, "\n\n " + RSS_20, "\ufeff" + JSON_FEED])
def test_every_format_says_the_same(document: str) -> None:
    feed = read(document)
    assert (feed.title, feed.site_url) == ("News", "https://news.example/")
    article = only(feed)
    assert article.guid == "tag:1"
    assert article.url == "https://news.example/1"
    assert (article.title, article.author, article.text) == ("One", "Ann", "The long text.")
    assert article.published_at == dt.datetime(2026, 5, 17, 8, tzinfo=dt.UTC)


def test_the_oldest_rss_is_read_as_well() -> None:
    article = only(read(RSS_091))
    assert (article.guid, article.title, article.text) == ("https://news.example/1", "One", "The long text.")
    assert article.published_at is None


def test_a_feed_without_articles_is_a_feed() -> None:
    assert read(rss()).articles == ()
    assert read('{"version": "https://jsonfeed.org/version/1", "title": "News"}').articles == ()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "koi8-r", "shift_jis"]
)
def test_every_declared_encoding_is_read(encoding: str) -> None:
    word = {"koi8-r": "Новости", "shift_jis": "ニュース"}.get(encoding, "Café")
    name = encoding.removesuffix("-sig")
    document = f'<?xml version="1.0" encoding="{name}"?>' + rss(
        f"<title>{word}</title><link>https://n.example/1</link>"
    )
    assert only(read(document.encode(encoding), "text/xml")).title == word


def test_the_document_knows_its_encoding_better_than_the_server() -> None:
    document = '<?xml version="1.0" encoding="utf-8"?>' + rss("<title>Café</title><guid>1</guid>")
    assert only(read(document, "text/xml; charset=iso-8859-1")).title == "Café"


def test_the_server_is_believed_where_the_document_is_silent() -> None:
    document = rss("<title>Новости</title><guid>1</guid>").encode("koi8-r")
    assert only(read(document, "application/rss+xml; charset=koi8-r")).title == "Новости"


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("&#55357;&#56832;", "a😀b"),
        ("&#xD83D;&#xDE00;", "a😀b"),
        ("&#55357;", "ab"),
        ("&#0;&#x1B;", "ab"),
        ("&#1114112;&#xFFFFFFFF;&#9999999999;", "ab"),
        ("&#233;&#x1F600;", "aé😀b"),
    ],
)
def test_impossible_characters_spoil_nothing(reference: str, shown: str) -> None:
    assert only(read(rss(f"<guid>1</guid><title>a{reference}b</title>"))).title == shown


def test_broken_xml_gives_what_can_be_read() -> None:
    document = rss("<title>Fish & chips</title><guid>1</guid>", "<title>Two</title><guid>2</guid>")[:-20] + "<script>"
    assert [article.title for article in read(document).articles] == ["Fish & chips", "Two"]


@pytest.mark.parametrize(
    ("item", "guid"),
    [
        ("<guid>tag:1</guid><link>https://n.example/1</link>", "tag:1"),
        ("<link>https://n.example/1</link><title>x</title>", "https://n.example/1"),
        ('<guid isPermaLink="false"> 42\n</guid>', "42"),
    ],
)
def test_an_article_is_known_by_its_guid_else_by_its_link(item: str, guid: str) -> None:
    assert only(read(rss(item))).guid == guid


def test_a_feed_that_moves_keeps_its_guids() -> None:
    document = rss("<guid>1</guid><link>/1</link>", "<guid>/2</guid>", "<link>/3</link><title>x</title>")
    here, there = read(document), read(document, url="https://other.example/rss")
    assert [article.guid for article in here.articles[:2]] == ["1", "/2"]
    assert [article.guid for article in here.articles[:2]] == [article.guid for article in there.articles[:2]]
    assert [article.url for article in there.articles] == [f"https://other.example/{n}" for n in (1, 2, 3)]


def test_links_are_relative_to_the_base_that_the_document_names() -> None:
    entry = "<entry><id>1</id><link href='one'/></entry>"
    feed = '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{}">' + entry + "</feed>"
    assert only(read(feed.format("/blog/"))).url == "https://news.example/blog/one"
    assert only(read(feed.format("https://blog.example/posts/"))).url == "https://blog.example/posts/one"


def test_an_article_with_neither_is_known_by_what_it_says() -> None:
    item = (
        "<title>Game added</title><description>It works.</description><pubDate>Sun, 17 May 2026 10:00:00 GMT</pubDate>"
    )
    other = item.replace("10:00", "11:00")
    first, second = read(rss(item, other)).articles
    assert first.guid != second.guid
    assert [article.guid for article in read(rss("<title>New</title><guid>9</guid>", other, item)).articles[1:]] == [
        second.guid,
        first.guid,
    ]
    assert len(read(rss(item, item)).articles) == 1


def test_an_article_that_comes_twice_is_stored_once_and_the_newest_wins() -> None:
    old = "<id>1</id><title>Old</title><link href='https://n.example/1'/><updated>2026-05-16T00:00:00Z</updated>"
    new = "<id>1</id><title>New</title><link href='https://n.example/1'/><updated>2026-05-17T00:00:00Z</updated>"
    for entries in ((old, new), (new, old), (old, new, old)):
        listed = "".join(f"<entry>{entry}</entry>" for entry in entries)
        assert only(read(f'<feed xmlns="http://www.w3.org/2005/Atom">{listed}</feed>')).title == "New"


def test_of_copies_without_dates_the_first_wins() -> None:
    items = ("<guid>1</guid><title>First</title>", "<guid>1</guid><title>Second</title>")
    assert only(read(rss(*items))).title == "First"


def test_a_guid_that_everything_shares_loses_nothing() -> None:
    items = [f"<guid>same</guid><link>https://n.example/{n}</link><title>Article {n}</title>" for n in range(5)]
    feed = read(rss(*items))
    assert [article.title for article in feed.articles] == [f"Article {n}" for n in range(5)]
    assert len({article.guid for article in feed.articles}) == 5
    assert read(rss(*items)) == feed


def test_a_link_that_everything_shares_loses_nothing() -> None:
    items = [f"<link>https://n.example/changes</link><title>Version {n}</title>" for n in range(5)]
    assert len({article.guid for article in read(rss(*items)).articles}) == 5


def test_an_endless_guid_fits_into_an_index() -> None:
    guids = {
        article.guid for article in read(rss(*(f"<guid>{'x' * 5000}{n}</guid><title>t</title>" for n in "ab"))).articles
    }
    assert len(guids) == 2
    assert all(len(guid) < 100 for guid in guids)


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("/news/1", "https://news.example/news/1"),
        ("../1?a=b&amp;c=d", "https://news.example/1?a=b&c=d"),
        ("//cdn.example/1", "https://cdn.example/1"),
        ("https://n.example/a b", "https://n.example/a%20b"),
        ("javascript:alert(1)", None),
        ("data:text/html,hello", None),
        ("ftp://n.example/1", None),
        ("mailto:ann@example.org", None),
        ("http://[broken", None),
        ("https://n.example/" + "x" * 3000, None),
        ("", None),
    ],
)
def test_only_links_that_a_browser_may_follow_are_kept(link: str, url: str | None) -> None:
    assert only(read(rss(f"<guid isPermaLink='false'>1</guid><link>{link}</link><title>t</title>"))).url == url


@pytest.mark.parametrize(
    ("date", "kept"),
    [
        ("Sun, 17 May 2026 10:00:00 GMT", True),
        ("2026-05-17", True),
        ("Mon, 18 May 2026 11:00:00 GMT", True),
        ("Mon, 18 May 2026 13:00:00 GMT", False),
        ("Fri, 01 Jan 2100 00:00:00 GMT", False),
        ("Sun, 31 Dec 1989 00:00:00 GMT", False),
        ("Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Mon, 01 Jan 0001 00:00:00 GMT", False),
        ("yesterday", False),
        ("99999999999999999", False),
        ("", False),
    ],
)
def test_a_date_that_cannot_be_true_is_dropped(date: str, kept: bool) -> None:
    article = only(read(rss(f"<guid>1</guid><title>t</title><pubDate>{date}</pubDate>")))
    assert (article.published_at is not None) == kept


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("&lt;b&gt;Bold&lt;/b&gt; claim", "Bold claim"),
        ("AT&amp;amp;T wins", "AT&T wins"),
        ("<![CDATA[Tom &amp; <i>Jerry</i>]]>", "Tom & Jerry"),
        ("a &lt; b", "a < b"),
        ("  two\n lines ", "two lines"),
        ("News&lt;script&gt;alert(1)&lt;/script&gt;", "News"),
    ],
)
def test_markup_in_a_title_is_read_not_shown(title: str, shown: str) -> None:
    assert only(read(rss(f"<guid>1</guid><title>{title}</title>"))).title == shown


def test_a_title_that_is_about_markup_keeps_it_where_the_feed_says_text() -> None:
    entry = '<entry><id>1</id><title type="text">The &lt;b&gt; tag</title></entry>'
    assert only(read(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>')).title == "The <b> tag"


def test_an_article_without_a_title_is_called_by_its_first_words() -> None:
    article = only(read(rss("<guid>1</guid><description>A note. &lt;p&gt;More of it.&lt;/p&gt;</description>")))
    assert (article.title, article.text) == ("A note.", "A note.\nMore of it.")


def test_an_article_of_nothing_but_a_video_is_called_by_its_address() -> None:
    article = only(read(rss("<link>https://news.example/post/7</link><description>&lt;iframe/&gt;</description>")))
    assert (article.title, article.text) == ("news.example/post/7", "")


def test_the_hash_is_of_what_the_models_see() -> None:
    one = only(read(rss("<guid>1</guid><title>t</title><description>&lt;p&gt;text&lt;/p&gt;</description>")))
    same = only(read(rss("<guid>2</guid><title> t</title><description>&lt;div&gt;text &lt;/div&gt;</description>")))
    other = only(read(rss("<guid>1</guid><title>t</title><description>text!</description>")))
    assert one.content_hash == same.content_hash != other.content_hash


@pytest.mark.parametrize(
    ("channel", "seconds"),
    [
        ("<ttl>90</ttl>", 5400),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>99999999</ttl>", 86_400),
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", 3600),
        ("<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 1800),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", 86_400),
        ("<sy:updatePeriod>sometimes</sy:updatePeriod>", None),
        ("<ttl>60</ttl><sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 3600),
        ("", None),
    ],
)
def test_a_feed_says_how_long_to_leave_it_alone(channel: str, seconds: int | None) -> None:
    assert read(rss(channel=f"<title>News</title>{channel}")).ttl_s == seconds


@pytest.mark.parametrize(
    "item",
    [
        {"id": 7, "url": "https://n.example/7", "content_text": "text"},
        {"id": "7", "external_url": "https://n.example/7", "content_text": "text", "title": None, "authors": "Ann"},
        {"id": "7", "url": "https://n.example/7", "content_html": 5, "summary": "text", "author": {"name": None}},
    ],
)
def test_a_careless_json_feed_is_read_as_far_as_it_goes(item: dict[str, object]) -> None:
    document = {"version": "https://jsonfeed.org/version/1", "items": [item, "nonsense", None], "title": 3}
    article = only(read(json.dumps(document)))
    assert (article.guid, article.url, article.text) == ("7", "https://n.example/7", "text")


def test_a_feed_of_far_too_many_articles_is_read_as_far_as_it_makes_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("xml_feed", "json_feed"):
        monkeypatch.setattr(f"core.pipeline.{module}.MOST_ARTICLES", 3)
    listed = rss(*(f"<guid>{n}</guid><title>t</title>" for n in range(5)))
    as_json = {"version": "https://jsonfeed.org/version/1", "items": [{"id": str(n)} for n in range(5)]}
    for feed in (read(listed), read(json.dumps(as_json))):
        assert [article.guid for article in feed.articles] == ["0", "1", "2"]
        assert feed.left_out == 2


def test_half_a_character_is_no_reason_to_fail() -> None:
    item = {"content_html": "<p>text \ud83d</p>"}
    document = {"version": "https://jsonfeed.org/version/1", "items": [item]}
    assert only(read(json.dumps(document))).text == "text"


PAGE = """<!-- a comment --><!doctype html><html><head><base href="/blog/">
<link rel="alternate" type="application/json" href="/wp-json/1"><link rel="stylesheet" type="text/css" href="x.css">
<link rel="ALTERNATE nofollow" type="application/atom+xml; charset=utf-8" href="atom.xml">
<link rel="alternate" type="application/rss+xml" href="https://news.example/rss"></head><body>Hello</body></html>"""


def test_a_web_page_names_its_feeds_best_first() -> None:
    with pytest.raises(NotAFeed, match="a web page, not a feed") as page:
        read(PAGE, "text/html")
    assert page.value.links == (
        "https://news.example/rss",
        "https://news.example/blog/atom.xml",
        "https://news.example/wp-json/1",
    )


@pytest.mark.parametrize(
    "document",
    [
        "<html><body>Nothing here</body></html>",
        "",
        "  \n",
        "just some words",
        "{}",
        '{"version": 1}',
        "[1, 2]",
        "{" * 100_000,
        '{"version": "https://example.org/1", "items": []}',
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xfe\x00\x00" * 10,
    ],
)
def test_what_is_no_feed_is_told_apart(document: str | bytes) -> None:
    with pytest.raises(NotAFeed) as no_feed:
        read(document)
    assert no_feed.value.links == ()
    assert str(no_feed.value).endswith(".")


def test_a_body_that_reads_like_a_path_opens_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "feed.xml"
    secret.write_text(RSS_20)
    with pytest.raises(NotAFeed):
        read(str(secret))


def test_entities_reach_no_file_and_multiply_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter22")
    outside = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    assert "hunter22" not in str(read(outside + rss("<guid>1</guid><title>&x;</title>")))
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a0 "lol">{laughs}]>'
    feed = read(bomb + rss("<guid>1</guid><title>&a9;</title>"))
    assert len(str(feed)) < 1_000
