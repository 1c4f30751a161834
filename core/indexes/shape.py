"""What a vector index is made of, in words and in SQL. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Method = Literal["ivfflat", "hnsw"]
TITLE: Mapping[str, str] = {"ivfflat": "IVFFlat", "hnsw": "HNSW"}
# What belongs to the other method.
FOREIGN: Mapping[str, Sequence[str]] = {"ivfflat": ("m", "ef_construction"), "hnsw": ("lists",)}
# What is turned at query time to trade speed for recall, and how far it can be turned.
SETTING: Mapping[str, str] = {"ivfflat": "ivfflat.probes", "hnsw": "hnsw.ef_search"}
# pgvector's defaults (README, "Indexing").
DEFAULT_M, DEFAULT_EF_CONSTRUCTION = 16, 64


@dataclass(frozen=True)
class Shape:
    """How an index is built. `lists` belongs to IVFFlat, `m` and `ef_construction` to HNSW.

    `halfvec`: the index holds half-precision copies of the vectors, at half the size.
    """

    method: Method
    lists: int | None = None
    m: int | None = None
    ef_construction: int | None = None
    halfvec: bool = False

    @property
    def options(self) -> dict[str, int]:
        """The storage parameters, as in `with (lists = 100)`."""
        wanted = (
            {"lists": self.lists}
            if self.method == "ivfflat"
            else {"m": self.m, "ef_construction": self.ef_construction}
        )
        return {name: value for name, value in wanted.items() if value is not None}

    @property
    def words(self) -> str:
        """`IVFFlat, lists 1000`; `HNSW, m 16, ef_construction 64, halfvec`."""
        options = [f"{name} {value}" for name, value in self.options.items()]
        return ", ".join([TITLE[self.method], *options, *(["halfvec"] if self.halfvec else [])])

    @property
    def setting(self) -> str:
        return SETTING[self.method]


def shape(method: Method, options: Mapping[str, int], *, halfvec: bool) -> Shape:
    """From what the catalogue says; a parameter that was not given has pgvector's default."""
    if method == "ivfflat":
        return Shape("ivfflat", lists=options.get("lists", 100), halfvec=halfvec)
    return Shape(
        "hnsw",
        m=options.get("m", DEFAULT_M),
        ef_construction=options.get("ef_construction", DEFAULT_EF_CONSTRUCTION),
        halfvec=halfvec,
    )
