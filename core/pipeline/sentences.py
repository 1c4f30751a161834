"""Where sentences end. Pure, and good enough for languages that end them with a mark."""

import re
from collections.abc import Iterator

# A mark, what may close behind it, and then white space before something that can begin a sentence. Chinese and
# Japanese marks need no white space. A line is a block of the page: it ends whatever stands in it.
_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+(?=[\"'“‘«(\[]*[^\W_a-zß-öø-ÿ])|[。！？]+[」』”’]*\s*|\s*\n\s*")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Gen|Sen|Rep|Gov|Inc|Ltd|Co|Corp|No|Fig|vs|etc|cf|ca|approx|e\.g|i\.e"
    r"|U\.S|U\.K|a\.m|p\.m|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.$"
)


def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, in order, without the white space between them."""
    return tuple(filter(None, (piece.strip() for piece in _pieces(text))))


def _pieces(text: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(text):
        piece = text[start : end.end()]
        if "\n" not in end.group() and _ABBREVIATED.search(piece.rstrip()[-12:]):
            continue
        yield piece
        start = end.end()
    yield text[start:]
