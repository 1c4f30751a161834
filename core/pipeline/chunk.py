"""Articles in pieces that a model can take in, each of whole sentences. Pure.

Sizes are in characters: counting tokens would need each model's own table.
"""

from collections.abc import Iterator

from core.pipeline.sentences import sentences

# About 250 tokens, a few paragraphs: small enough that its vector is about one thing, large enough to say what.
CHUNK = 1_000
# The end of a chunk is the beginning of the next, so that what stands on the border is found as well.
OVERLAP = 150


def chunks(title: str, text: str, *, size: int = CHUNK, overlap: int = OVERLAP) -> tuple[str, ...]:
    """The text in pieces of at most `size` characters, which share up to `overlap` with the piece before.

    Without a text the title is the only piece; without a word in either there is none.
    """
    pieces = _pack(_short(sentences(text), size), size, overlap)
    found = tuple(piece for piece in pieces if _has_words(piece))
    return found or ((title[:size],) if _has_words(title) else ())


def with_title(title: str, chunk: str) -> str:
    """What is embedded: a piece from the middle of an article says little without what the article is about."""
    return chunk if chunk == title or not title else f"{title}\n{chunk}"


def _pack(parts: Iterator[str], size: int, overlap: int) -> Iterator[str]:
    packed: list[str] = []
    for part in parts:
        if packed and _length(packed) + 1 + len(part) > size:
            yield " ".join(packed)
            packed = _tail(packed, min(overlap, size - len(part) - 1))
        packed.append(part)
    if packed:
        yield " ".join(packed)


def _tail(packed: list[str], room: int) -> list[str]:
    """The last sentences that fit into `room` characters; never all of them."""
    tail: list[str] = []
    for part in reversed(packed[1:]):
        if _length([part, *tail]) > room:
            break
        tail.insert(0, part)
    return tail


def _short(parts: tuple[str, ...], size: int) -> Iterator[str]:
    """Sentences as they are; one that is longer than a chunk in pieces, between words where it has any."""
    for part in parts:
        rest = part
        while len(rest) > size:
            cut = rest.rfind(" ", size // 2, size + 1)
            cut = size if cut < 0 else cut
            yield rest[:cut]
            rest = rest[cut:].lstrip()
        yield rest


def _length(parts: list[str]) -> int:
    return sum(map(len, parts)) + len(parts) - 1


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)
