"""What parsing makes of a feed, whatever its format."""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from core.errors import FeedUnusable
from core.pipeline.addresses import LONGEST_URL
from core.pipeline.text import clean, shortened

# Feeds are unique by (feed, guid), and a btree entry holds 2,704 bytes at most: longer ones are hashed.
LONGEST_GUID = 500
# The longest real feed that was found has 1,046; hundreds of thousands fit into the bytes that are fetched, and each
# would be embedded and summarised.
MOST_ARTICLES = 10_000
# A title for an entry without one: as much as fits on a line of a list.
TITLE_FROM_TEXT = 100
# Nobody published feeds before; what claims to be older is a default of some software.
EARLIEST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
# Clocks and time zones go wrong by hours; a date further ahead would pin the article to the top of every list.
LATEST_AHEAD = dt.timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """One entry as a format reader found it: text is plain already; `seed` is everything that tells it from others
    when it has neither guid nor link."""

    guid: str
    url: str | None
    title: str
    author: str | None
    text: str
    published_at: dt.datetime | None
    updated_at: dt.datetime | None
    seed: str


@dataclass(frozen=True)
class ParsedArticle:
    """One article. `guid` is unique in its feed, `content_hash` the hex SHA-256 of title and text."""

    guid: str
    url: str | None
    title: str
    author: str | None
    text: str
    published_at: dt.datetime | None
    content_hash: str


@dataclass(frozen=True)
class ParsedFeed:
    """`ttl_s`: how many seconds the feed asks to be left alone, if it does.

    `articles` in the feed's order, the first MOST_ARTICLES of them; `left_out`: how many entries came after those.
    """

    title: str
    site_url: str | None
    ttl_s: int | None
    articles: tuple[ParsedArticle, ...]
    left_out: int = 0


class NotAFeed(FeedUnusable):
    """What that address answers is not a feed."""

    def __init__(self, message: str = "", *, links: Sequence[str] = ()) -> None:
        """`links`: the feeds that the page names, best first."""
        super().__init__(message)
        self.links = tuple(links)


def articles(entries: Sequence[Entry]) -> tuple[ParsedArticle, ...]:
    """The distinct articles among the entries.

    An entry is known by its guid, else by its link, else by a hash of all that it says. Some feeds give one guid, or
    one link, to everything: where entries that share it differ in both link and title, it identifies none of them
    alone, and the title joins it. Of entries that are still the same, the one updated last wins, else the first.
    """
    chosen: dict[str, Entry] = {}
    for entry, guid in zip(entries, _identities(entries), strict=True):
        other = chosen.get(guid)
        if other is None or _updated(entry) > _updated(other):
            # A dict keeps the place of the first.
            chosen[guid] = entry
    return tuple(_article(guid, entry) for guid, entry in chosen.items())


def _identities(entries: Sequence[Entry]) -> list[str]:
    sharing: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        sharing[entry.guid or entry.url or ""].append(entry)
    ambiguous = {name for name, others in sharing.items() if _are_different(others)}
    return [_identity(entry, ambiguous) for entry in entries]


def _are_different(entries: Sequence[Entry]) -> bool:
    # With one guid, another link alone is an article that moved, another title alone one that was edited.
    links, titles = {entry.url for entry in entries}, {entry.title for entry in entries}
    return len(titles) > 1 and (len(links) > 1 or not entries[0].guid)


def _identity(entry: Entry, ambiguous: Collection[str]) -> str:
    name = entry.guid or entry.url
    if not name:
        return f"sha256:{_sha256(entry.seed)}"
    identity = f"{name}#{_sha256(f'{entry.url} {entry.title}')}" if name in ambiguous else name
    return identity if len(identity) <= LONGEST_GUID else f"sha256:{_sha256(identity)}"


def _updated(entry: Entry) -> dt.datetime:
    return entry.updated_at or entry.published_at or EARLIEST


def _article(guid: str, entry: Entry) -> ParsedArticle:
    # A post of nothing but a video still has to be called something, in lists and to the models.
    name = entry.text.partition("\n")[0] or (entry.url or "").partition("://")[2]
    title = entry.title or shortened(name, TITLE_FROM_TEXT)
    return ParsedArticle(
        guid=guid,
        url=entry.url,
        title=title,
        author=entry.author,
        text=entry.text,
        published_at=entry.published_at or entry.updated_at,
        content_hash=content_hash(title, entry.text),
    )


def content_hash(title: str, text: str) -> str:
    """A change of it, and nothing else, makes an article new to the models."""
    return _sha256(f"{title}\0{text}")


def guid(raw: object) -> str:
    """An entry's own name for itself, as one line; empty: it has none."""
    return " ".join(clean(str(raw)).split()) if isinstance(raw, str | int) else ""


def web_url(raw: object, base: str) -> str | None:
    """The address that a link in the document at `base` means, if it is one that a browser may be sent to."""
    if not isinstance(raw, str) or not raw.strip():
        return None
    try:
        url = urljoin(base, clean(raw).strip())
        parts = urlsplit(url)
    except ValueError:
        return None
    usable = parts.scheme in {"http", "https"} and parts.netloc and len(url) <= LONGEST_URL
    return url.replace(" ", "%20") if usable else None


def sane(date: dt.datetime | None, now: dt.datetime) -> dt.datetime | None:
    """The date, unless nobody can have published then."""
    return date if date is not None and EARLIEST <= date <= now + LATEST_AHEAD else None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
