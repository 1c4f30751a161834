"""The feeds that a web page names, for people who give the address of a site."""

import re

from selectolax.lexbor import LexborHTMLParser

from core.pipeline.parsed import web_url

# Best first. Plain JSON comes last: WordPress gives its API in the same way.
_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/feed+json",
    "application/xml",
    "text/xml",
    "application/json",
)
_RANK = {kind: min(rank, 3) if kind != "application/json" else len(_TYPES) for rank, kind in enumerate(_TYPES)}
# Only declarations, comments and white space may stand before the root element.
_PROLOGUE = re.compile(rb"(?:\xef\xbb\xbf|\s+|<\?[^>]{0,1000}>|<!--.{0,5000}?-->)*", re.DOTALL)
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
# Pages name their feeds in the head.
_HEAD_LIMIT = 500_000


def is_html(body: bytes) -> bool:
    """Whether it begins as a web page does, whatever its content type says."""
    prologue = _PROLOGUE.match(body)
    return _HTML.match(body, prologue.end() if prologue else 0) is not None


def feed_links(body: bytes, url: str) -> tuple[str, ...]:
    """The addresses of the feeds that the page names, best first, each once."""
    page = LexborHTMLParser(body[:_HEAD_LIMIT])
    base = page.css_first("base[href]")
    at = (web_url(base.attributes.get("href"), url) if base else None) or url
    ranked: dict[str, int] = {}
    for link in page.css("link[rel][href][type]"):
        attributes = link.attributes
        kind = (attributes.get("type") or "").partition(";")[0].strip().lower()
        target = web_url(attributes.get("href"), at)
        if target and kind in _RANK and "alternate" in (attributes.get("rel") or "").lower().split():
            ranked.setdefault(target, _RANK[kind])
    return tuple(sorted(ranked, key=lambda target: ranked[target]))
