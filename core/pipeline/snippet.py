"""The part of a chunk that shows why it was found. Pure."""

import re

from core.pipeline.sentences import sentences
from core.pipeline.text import shortened

LENGTH = 280
# Words are compared by their beginning, so that "compilers" meets "compiler".
STEM = 5


def snippet(chunk: str, words: str, length: int = LENGTH) -> str:
    """The sentence that shares most words with `words` (the first, if none does), and what follows while it fits."""
    parts = sentences(chunk)
    wanted = _stems(words)
    shared = [len(wanted & _stems(part)) for part in parts]
    best = shared.index(max(shared)) if parts else 0
    shown = parts[best] if parts else ""
    for part in parts[best + 1 :]:
        if len(shown) + 1 + len(part) > length:
            break
        shown = f"{shown} {part}"
    return shortened(shown, length)


def _stems(text: str) -> set[str]:
    return {word[:STEM] for word in re.findall(r"\w+", text.lower()) if len(word) > 2 or not word.isascii()}


def marked(text: str, words: str) -> tuple[tuple[str, bool], ...]:
    """`text` in pieces, and whether each is a word that `words` has too."""
    wanted = _stems(words)
    pieces: list[tuple[str, bool]] = []
    for piece in re.split(r"(\w+)", text):
        shared = bool(wanted & _stems(piece))
        if pieces and pieces[-1][1] == shared:
            pieces[-1] = (pieces[-1][0] + piece, shared)
        elif piece:
            pieces.append((piece, shared))
    return tuple(pieces)
