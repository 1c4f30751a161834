"""JSON Feed 1.0 and 1.1 (jsonfeed.org). Whatever is not as the format says is left out, never an error."""

import datetime as dt
import json
from typing import Any

from core.pipeline.parsed import MOST_ARTICLES, Entry, NotAFeed, ParsedFeed, articles, guid, sane, web_url
from core.pipeline.text import html_to_text, one_line, plain_text

VERSION = "jsonfeed.org/version/1"


def parse(body: bytes, url: str, now: dt.datetime) -> ParsedFeed:
    """Raises NotAFeed."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise NotAFeed("What that address answers is neither a feed nor valid JSON.") from None
    if not isinstance(found, dict) or VERSION not in _text(found, "version"):
        raise NotAFeed("What that address answers is JSON, but not a JSON Feed.")
    listed = found.get("items")
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return ParsedFeed(
        title=one_line(_text(found, "title"), markup=False),
        site_url=web_url(found.get("home_page_url"), url),
        ttl_s=None,
        articles=articles([_entry(item, url, now) for item in items[:MOST_ARTICLES]]),
        left_out=max(0, len(items) - MOST_ARTICLES),
    )


def _entry(item: dict[str, Any], url: str, now: dt.datetime) -> Entry:
    html, plain, summary = (_text(item, key) for key in ("content_html", "content_text", "summary"))
    title = one_line(_text(item, "title"), markup=False)
    return Entry(
        guid=guid(item.get("id")),
        url=web_url(item.get("url"), url) or web_url(item.get("external_url"), url),
        title=title,
        author=one_line(_author(item), markup=False) or None,
        text=html_to_text(html) or plain_text(plain) or plain_text(summary),
        published_at=sane(_date(item.get("date_published")), now),
        updated_at=sane(_date(item.get("date_modified")), now),
        seed="\n".join([title, html, plain, summary, _text(item, "date_published")]),
    )


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _author(item: dict[str, Any]) -> str:
    many = item.get("authors")
    one = item.get("author")
    named = [author for author in [*(many if isinstance(many, list) else []), one] if isinstance(author, dict)]
    return ", ".join(filter(None, (_text(author, "name") for author in named)))


def _date(value: object) -> dt.datetime | None:
    try:
        date = dt.datetime.fromisoformat(str(value))
        return date.astimezone(dt.UTC) if date.tzinfo else date.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None
