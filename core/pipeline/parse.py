"""From the bytes of an answer to articles. Pure, and heavy on the processor: see parser.py for where it runs."""

import datetime as dt
from email.message import Message

from core.pipeline import html_page, json_feed, xml_feed
from core.pipeline.parsed import NotAFeed, ParsedFeed


def parse(body: bytes, content_type: str, url: str, now: dt.datetime) -> ParsedFeed:
    """Parses what `url` answered. The body decides the format; of `content_type` only the charset counts.

    Raises NotAFeed with a sentence, and with the feeds that are named if it is a web page.
    """
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not body.strip():
        raise NotAFeed("That address answers with nothing.")
    if start.startswith(b"{"):
        return json_feed.parse(body, url, now)
    if html_page.is_html(body):
        links = html_page.feed_links(body, url)
        raise NotAFeed(
            "That address is a web page, not a feed" + (", and names none." if not links else "."), links=links
        )
    return xml_feed.parse(body, _charset(content_type), url, now)


def _charset(content_type: str) -> str | None:
    header = Message()
    header["content-type"] = content_type
    return header.get_content_charset()
