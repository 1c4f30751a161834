"""The part of a chunk that shows why it was found. Pure."""

import re

from core.pipeline.sentences import sentences
from core.pipeline.text import shortened

LENGTH = 280
# Words are compared by their beginning, so that "compilers" meets "compiler".
STEM = 5
# Chinese and Japanese are written without spaces: there each character is a word.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


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
    words = (match.group().lower() for match in _WORD.finditer(text))
    return {word[:STEM] for word in words if len(word) > 2 or not word.isascii()}


def marked(text: str, words: str) -> tuple[tuple[str, bool], ...]:
    """`text` in pieces, and whether each is a word that `words` has too."""
    wanted = _stems(words)
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in _WORD.finditer(text):
        if wanted & _stems(match.group()):
            pieces += [(text[end : match.start()], False), (match.group(), True)]
            end = match.end()
    return tuple(piece for piece in (*pieces, (text[end:], False)) if piece[0])
