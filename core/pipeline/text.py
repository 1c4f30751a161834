"""Plain text out of what feeds hold.

HTML goes through selectolax (lexbor): it reads broken markup as browsers do, and takes a tenth of the time that
parsing the feed itself takes. Only text is kept, so there is no allow-list of tags to get wrong.
"""

import re

from selectolax.lexbor import LexborHTMLParser

# What a reader would call a long book chapter; the rest of a longer text is dropped, so that one article cannot
# cost hundreds of embeddings.
TEXT_LIMIT = 100_000
# Markup beyond this is not looked at: it is mostly images written into the page.
HTML_LIMIT = 2_000_000
LINE_LIMIT = 500

_BLOCKS = (
    "address|article|aside|blockquote|br|caption|center|dd|details|dialog|div|dl|dt|fieldset|figcaption|figure|footer"
    "|form|h[1-6]|header|hr|li|main|nav|ol|option|p|pre|section|summary|table|td|th|tr|ul"
)
_BLOCK_EDGE = re.compile(rf"<(?=/?(?:{_BLOCKS})\b)", re.IGNORECASE)
_SILENT = ["head", "iframe", "math", "noscript", "object", "script", "select", "style", "svg", "template", "textarea"]
_LOOKS_LIKE_HTML = re.compile(r"</?[a-z][a-z0-9]*(?:\s[^<>]*)?/?>|&(?:[a-z][a-z0-9]+|#\d+|#x[0-9a-f]+);", re.IGNORECASE)
# Controls (Postgres stores no NUL), lone surrogates (UTF-8 has no such thing), non-characters, and the marks that
# turn the direction of what follows, with which a title could rewrite the line that it is shown in.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


def html_to_text(html: str) -> str:
    """The words of some HTML: a line for each block, entities decoded, scripts and styles left out."""
    # A form feed marks the edges of blocks: white space to HTML, so that it may stand anywhere, tables included.
    marked = _BLOCK_EDGE.sub("\f<", html[:HTML_LIMIT].replace("\f", " "))
    page = LexborHTMLParser(marked)
    page.strip_tags(_SILENT)
    return _lines(page.body.text().split("\f")) if page.body else ""


def plain_text(text: str) -> str:
    """Text that is no markup, in the form in which it is stored."""
    return _lines(text.splitlines())


def one_line(text: str, *, markup: bool) -> str:
    """A title or a name on one line of at most LINE_LIMIT characters.

    `markup`: entities and tags may be in it (many feeds escape them twice); otherwise it is what it says.
    """
    if markup and _LOOKS_LIKE_HTML.search(text):
        text = html_to_text(text)
    return shortened(" ".join(clean(text).split()), LINE_LIMIT)


def shortened(text: str, limit: int) -> str:
    """The text, or as many whole words of it as fit into `limit` characters with an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[limit // 2 :] else cut).rstrip() + "…"


def clean(text: str) -> str:
    """The text without characters that Postgres, JSON or a screen would trip over."""
    return _UNWANTED.sub("", text)


def _lines(lines: list[str]) -> str:
    folded = (" ".join(clean(line).split()) for line in lines)
    return "\n".join(line for line in folded if line)[:TEXT_LIMIT]
