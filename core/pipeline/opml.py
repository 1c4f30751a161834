"""OPML: the list of feeds that every reader can export and import."""

import datetime as dt
import email.utils
import xml.parsers.expat
from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from core.errors import BadRequest
from core.pipeline.addresses import feed_url, shown
from core.pipeline.text import clean, one_line

# An export of 10,000 feeds has 3 MB.
LARGEST_FILE = 10_000_000


@dataclass(frozen=True)
class Outline:
    """A feed of the list."""

    url: str
    title: str


@dataclass(frozen=True)
class Fault:
    """A line of the list that cannot be used: what it says, and a sentence about it."""

    text: str
    reason: str


@dataclass(frozen=True)
class Opml:
    """Each address once, in the order of the file; folders are flattened."""

    outlines: tuple[Outline, ...]
    faults: tuple[Fault, ...]
    # How many times an address came again.
    repeated: int


@dataclass
class _Reader:
    """Collects while expat reads. Python's own tree would resolve entities; here a declaration is an error."""

    outlines: dict[str, Outline] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    repeated: int = 0
    root: str = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name.lower()
        if name.lower() != "outline":
            return
        given = {key.lower(): value for key, value in attributes.items()}
        address = given.get("xmlurl", "").strip()
        title = one_line(given.get("title") or given.get("text") or "", markup=False)
        if not address:
            # A folder has no address; a line that says it is a feed should have one.
            if given.get("type", "").lower() in {"rss", "atom"}:
                self.faults.append(Fault(title, "It has no xmlUrl."))
            return
        try:
            url = feed_url(address)
        except BadRequest as error:
            self.faults.append(Fault(shown(address)[:200], str(error)))
            return
        if url in self.outlines:
            self.repeated += 1
        else:
            self.outlines[url] = Outline(url, title)

    def refuse(self, *_: object) -> None:
        raise BadRequest("The file declares entities, which no list of feeds needs: it was not read.")


def read(body: bytes) -> Opml:
    """The feeds in an OPML file. Lines that cannot be used are faults; the rest counts.

    Raises BadRequest if the file as a whole is none.
    """
    if len(body) > LARGEST_FILE:
        raise BadRequest(f"The file is larger than {LARGEST_FILE // 1_000_000} MB.")
    reader = _Reader()
    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EntityDeclHandler = reader.refuse
    try:
        parser.Parse(body, True)
    except xml.parsers.expat.ExpatError as error:
        raise BadRequest(f"The file is not valid XML (line {error.lineno}).") from None
    except (ValueError, LookupError):
        raise BadRequest("The file has an encoding that cannot be read.") from None
    if reader.root != "opml":
        raise BadRequest("The file is XML, but not OPML.")
    return Opml(tuple(reader.outlines.values()), tuple(reader.faults), reader.repeated)


def write(outlines: Iterable[Outline], now: dt.datetime) -> bytes:
    """An OPML 2.0 file. User names and passwords of addresses are part of it: without them those feeds are lost."""
    root = Element("opml", version="2.0")
    head = SubElement(root, "head")
    SubElement(head, "title").text = "Signalist feeds"
    SubElement(head, "dateCreated").text = email.utils.format_datetime(now.astimezone(dt.UTC), usegmt=True)
    body = SubElement(root, "body")
    for outline in outlines:
        title = clean(outline.title or shown(outline.url))
        SubElement(body, "outline", type="rss", text=title, title=title, xmlUrl=outline.url)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document
