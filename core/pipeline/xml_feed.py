"""RSS 0.9x, 1.0, 2.0 and Atom, in any encoding: feedparser, asked for text only.

Its sanitiser and its rewriting of links inside markup are switched off (they take two thirds of its time): no markup
is kept, so there is nothing to sanitise.
"""

import calendar
import datetime as dt
import io
import re
import time
from collections.abc import Mapping
from typing import Any

import feedparser

from core.pipeline.parsed import MOST_ARTICLES, Entry, NotAFeed, ParsedFeed, articles, guid, sane, web_url
from core.pipeline.text import html_to_text, one_line, plain_text

# A feed may ask to be left alone for so long; one that asks for more would look dead.
LONGEST_TTL_S = 86_400
_PERIODS_S = {"hourly": 3_600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000}
_DECLARES_ITS_ENCODING = re.compile(
    rb"^(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe|\s*<\?xml[^>]{0,200}\sencoding\s*=)", re.DOTALL
)
_NUMBER = re.compile(rb"&#(\w+);")
_REFERENCES = re.compile(rb"(?:&#(?:[0-9]{1,10}|x[0-9a-f]{1,8});)+", re.IGNORECASE)


def parse(body: bytes, charset: str | None, url: str, now: dt.datetime) -> ParsedFeed:
    """`charset`: what the server says; it counts only where the document is silent, which knows better.

    Raises NotAFeed.
    """
    # No base address: it would become part of many a guid, and when a feed moves every article would be a new one.
    # Links are resolved against it here.
    headers = {}
    if charset and not _DECLARES_ITS_ENCODING.match(body):
        headers["content-type"] = f"application/xml; charset={charset}"
    # A stream: given bytes or a string, feedparser would try to open them as a file or an address first.
    found = feedparser.parse(
        io.BytesIO(_REFERENCES.sub(_possible, body)),
        response_headers=headers,
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not found.version and not found.entries:
        raise NotAFeed("What that address answers is not a feed.")
    markup = not found.version.startswith("atom")
    return ParsedFeed(
        title=_title(found.feed, markup),
        site_url=web_url(_get(found.feed, "link"), url),
        ttl_s=_ttl(found.feed),
        articles=articles([_entry(entry, url, now, markup) for entry in found.entries[:MOST_ARTICLES]]),
        left_out=max(0, len(found.entries) - MOST_ARTICLES),
    )


def _possible(found: re.Match[bytes]) -> bytes:
    """Character references that XML allows. Others stop feedparser, and some software writes emoji as two of them."""
    numbers = [
        int(number, 10) if number.isdigit() else int(number[1:], 16) for number in _NUMBER.findall(found.group())
    ]
    if all(map(_is_character, numbers)):
        return found.group()
    # Halves of a pair become the character that they mean, what stands for nothing is left out.
    units = "".join(chr(number) for number in numbers if number <= 0x10FFFF)
    joined = units.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")
    return "".join(f"&#{ord(character)};" for character in joined if _is_character(ord(character))).encode()


def _is_character(number: int) -> bool:
    # The production Char of XML 1.0.
    return (
        number in {9, 10, 13} or 0x20 <= number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or 0x10000 <= number <= 0x10FFFF
    )


def _entry(entry: Mapping[str, Any], url: str, now: dt.datetime, markup: bool) -> Entry:
    bodies = [*(_get(entry, "content") or ()), _get(entry, "summary_detail") or {}]
    author = _get(entry, "author_detail") or {}
    title = _title(entry, markup)
    return Entry(
        guid=guid(_get(entry, "id")),
        url=web_url(_get(entry, "link"), url),
        title=title,
        author=one_line(author.get("name") or _get(entry, "author") or "", markup=True) or None,
        text=next(filter(None, map(_text, bodies)), ""),
        published_at=sane(_date(_get(entry, "published_parsed") or _get(entry, "created_parsed")), now),
        updated_at=sane(_date(_get(entry, "updated_parsed")), now),
        seed="\n".join([title, *(body.get("value", "") for body in bodies), str(_get(entry, "published"))]),
    )


def _get(found: Mapping[str, Any], key: str) -> Any:
    # Past feedparser's own lookup, which answers for `updated` with `published`, and warns.
    return dict.get(found, key) if isinstance(found, dict) else found.get(key)


def _title(found: Mapping[str, Any], markup: bool) -> str:
    detail = _get(found, "title_detail") or {}
    return one_line(_get(found, "title") or "", markup=markup or "html" in detail.get("type", ""))


def _text(content: Mapping[str, Any]) -> str:
    kind, value = content.get("type", ""), content.get("value", "")
    if "html" in kind or not kind:
        return html_to_text(value)
    # Other types (images, sounds) have no words.
    return plain_text(value) if kind.startswith("text/") else ""


def _date(parsed: time.struct_time | None) -> dt.datetime | None:
    try:
        return None if parsed is None else dt.datetime.fromtimestamp(calendar.timegm(parsed), dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _ttl(feed: Mapping[str, Any]) -> int | None:
    minutes = _number(_get(feed, "ttl"))
    period = _PERIODS_S.get(str(_get(feed, "sy_updateperiod")).strip().lower())
    seconds = minutes * 60 if minutes else 0.0
    if period:
        seconds = max(seconds, period / (_number(_get(feed, "sy_updatefrequency")) or 1))
    return min(int(seconds), LONGEST_TTL_S) or None


def _number(text: object) -> float | None:
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*", str(text))
    return float(found[1]) if found else None
