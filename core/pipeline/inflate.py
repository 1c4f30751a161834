"""Undoing Content-Encoding piece by piece, so that a small answer cannot become a large one unnoticed."""

import zlib

from core.errors import FeedUnreachable, FeedUnusable

# What is asked for; brotli and zstd would each take a library, to save a few percent.
ACCEPTED = "gzip, deflate"
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_STEP = 1 << 16
# Servers send one gzip member, or a few where a file was appended to; thousands of empty ones only cost time.
MOST_MEMBERS = 100


class Inflater:
    """Collects a body; `limit` bytes at most, both as sent and as unpacked."""

    def __init__(self, encoding: str, limit: int) -> None:
        """Raises FeedUnusable for an encoding that was not asked for."""
        names = [name.strip().lower() for name in encoding.split(",")]
        names = [name for name in names if name not in {"", "identity"}]
        if len(names) > 1 or not set(names) <= {"gzip", "x-gzip", "deflate"}:
            raise FeedUnusable(f"The server packed its answer as {encoding[:40]!r}, which was not asked for.")
        self._packed = bool(names)
        self._limit = limit
        self._sent = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._started = False
        self._members = 1

    def feed(self, piece: bytes) -> None:
        """Raises FeedUnusable as soon as the limit is passed, or if the piece is damaged."""
        self._sent += len(piece)
        if self._sent > self._limit:
            raise self._too_large()
        if self._packed:
            self._inflate(piece)
        else:
            self._keep(piece)

    def body(self) -> bytes:
        """All of it. Raises FeedUnreachable if the packed stream stops in the middle."""
        if self._packed and self._started and not self._stream.eof:
            # All that was sent has been read, so this is what one window of the decompressor can hold back.
            self._keep(self._stream.flush())
            if not self._stream.eof:
                raise FeedUnreachable("The server's answer broke off in the middle.")
        return b"".join(self._parts)

    def _inflate(self, piece: bytes) -> None:
        while piece:
            if self._stream.eof:
                # gzip may be several members, one after the other; some servers add rubbish instead.
                if not piece.startswith(b"\x1f\x8b"):
                    return
                self._members += 1
                if self._members > MOST_MEMBERS:
                    raise _damaged()
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._keep(self._step(piece))
            piece = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _step(self, piece: bytes) -> bytes:
        try:
            out = self._stream.decompress(piece, _STEP)
        except zlib.error:
            if self._started:
                raise _damaged() from None
            # "deflate" means zlib, but some servers send the bare stream.
            self._stream, self._started = zlib.decompressobj(-zlib.MAX_WBITS), True
            return self._step(piece)
        self._started = True
        return out

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._limit:
            raise self._too_large()

    def _too_large(self) -> FeedUnusable:
        return FeedUnusable(f"The answer is larger than {self._limit // 1_000_000} MB.")


def _damaged() -> FeedUnusable:
    return FeedUnusable("The server's answer is packed in a way that cannot be unpacked.")
