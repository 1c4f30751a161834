"""Recall@10: of the ten nearest neighbours, how many does a search through the index find?

Queries are stored vectors, picked at random; each is left out of its own answer. The exact answers come from one pass
over all vectors (33,000 rows a second were read and compared in bench/recall), so that a sample of 200 costs what
seven exact queries cost; beyond PASS_ROWS rows they are asked one by one, as many as fit into EXACT_S.
"""

import math
import random
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.indexes.shape import Shape
from core.indexes.sizing import least, most, probes_to_start_with
from core.queries import index_recall
from core.queries.index_recall import Connection, Found, Sampled, Vectors
from core.queries.vector_index import VectorIndex

K = 10
TARGET = 0.95
# With a spread of 0.15 between queries, 200 of them give an interval of ± 0.02.
SAMPLE = 200
# A model that hardly any row is embedded by is looked for in this many rows after each pivot, and not in all of them.
NEAR = 1_000
# Settings are tried on this many of them; the one that is kept is measured on all.
TRIAL = 100
# One pass reads 6 kB a row: 6 GB, half a minute.
PASS_ROWS = 1_000_000
EXACT_S = 60.0
# An index that reaches what is wanted at no sensible setting makes queries that take seconds: no more settings are
# tried after TUNE_S, and no more queries asked at one after SCORE_S and FEWEST. With the exact answers that is ten
# minutes at most, and less than a job may take (workers/tasks/operation.py).
TUNE_S, SCORE_S, FEWEST = 240.0, 120.0, 20
# Exact queries that are timed, to say what the index saves.
TIMED = 5
# Two distances closer than this are the same: float32 does not tell them apart.
SAME = 1e-5

Distances = NDArray[np.float32]


def target_of(index: VectorIndex | None) -> float:
    """The recall that was wanted of it, or is of the first one."""
    return index.tuning.target if index and index.tuning else TARGET


@dataclass(frozen=True)
class Subject:
    """The index that is measured. `mark` None: it was not built here, and the planner chooses."""

    name: str
    shape: Shape
    mark: int | None


@dataclass(frozen=True)
class Score:
    """At one setting: `recall` is the mean over `queries`, with its interval; latencies as the client sees them."""

    value: int
    queries: int
    recall: float
    low: float
    high: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Measured:
    """`score` is at the setting that searches are to use; `used` is the index that EXPLAIN named, None for none.

    `exact_p50_ms` and `exact_p95_ms` are those of comparing every row. `rows`: vectors of the model, up to PASS_ROWS.
    """

    setting: str
    score: Score
    used: str | None
    rows: int
    exact_p50_ms: float
    exact_p95_ms: float
    seconds: float


@dataclass(frozen=True)
class Answers:
    """The queries, and for each the distance to its K-th true neighbour."""

    sampled: Sampled
    kth: Distances


def hits(found: Found, own: uuid.UUID, kth: float) -> int:
    """How many of the nearest K were found. By distance: of two equally near, either will do."""
    others = [distance for id_, distance in zip(found.ids, found.distances, strict=True) if id_ != own]
    return sum(distance <= kth + SAME for distance in others[:K])


def interval(recalls: Sequence[float]) -> tuple[float, float, float]:
    """Mean, and its interval of 95 % (normal approximation, with a continuity correction of half a neighbour)."""
    n = len(recalls)
    mean = sum(recalls) / n
    spread = math.sqrt(sum((r - mean) ** 2 for r in recalls) / max(1, n - 1))
    half = 1.96 * spread / math.sqrt(n) + 1 / (2 * K * n)
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def lowest_that_reaches(
    target: float, least: int, start: int, limit: int, recall_at: Callable[[int], float | None]
) -> int:
    """The smallest setting from `least` to `limit` whose recall reaches `target`, within a seventh; else the best one.

    Recall grows with the setting. `recall_at` gives None where the planner would not use the index any more.
    """
    known: dict[int, float | None] = {}

    def reaches(value: int) -> bool:
        if value not in known:
            known[value] = recall_at(value)
        found = known[value]
        return found is not None and found >= target

    low, high = least - 1, min(max(least, start), limit)
    while not reaches(high):
        if high == limit or known[high] is None:
            return max((v for v, r in known.items() if r is not None), key=lambda v: (known[v], -v), default=high)
        low, high = high, min(high * 2, limit)
    while low < least and high > least:
        half = max(least, high // 2)
        if reaches(half):
            high = half
        else:
            low = half
    while high - low > max(1, high // 7):
        middle = (low + high) // 2
        if reaches(middle):
            high = middle
        else:
            low = middle
    return high


def measure(
    url: str,
    subject: Subject,
    model: str,
    *,
    seed: int,
    value: int | None = None,
    target: float = TARGET,
    tune: bool = True,
    size: int = SAMPLE,
    check: Callable[[], None] = lambda: None,
) -> Measured | None:
    """Measures the index at `value`, or searches for the lowest setting that reaches `target`. None: no vectors.

    Blocking, and up to minutes on a large table: call it in a thread. `check` is called again and again; what it raises
    ends the measurement. Raises DatabaseUnavailable and QueryTimeout.
    """
    started = time.monotonic()
    with index_recall.snapshot(url, statement_timeout=2 * EXACT_S) as connection:
        rows = index_recall.count(connection, model, PASS_ROWS + 1)
        sampled = index_recall.sample(connection, model, _pivots(seed, size), near=NEAR)
        if not sampled.ids:
            return None
        answers, exact_ms = _answers(connection, model, sampled, rows, check)
        probe = _Probe(connection, subject, model, answers, check)
        chosen = value or probes_to_start_with(subject.shape)
        if tune:
            chosen = lowest_that_reaches(target, least(subject.shape), chosen, most(subject.shape), probe.recall_at)
        score = probe.score(chosen, len(answers.sampled.ids))
        # What reached it on a part of the sample may miss it by a hair on the whole.
        while tune and probe.has_time and score.recall < target and score.value < most(subject.shape):
            more = min(most(subject.shape), math.ceil(score.value * 1.25))
            if probe.used(more) != subject.name:
                break
            score = probe.score(more, len(answers.sampled.ids))
        used = probe.used(score.value)
    p50, p95 = np.percentile(exact_ms, [50, 95])
    return Measured(subject.shape.setting, score, used, rows, float(p50), float(p95), time.monotonic() - started)


def _pivots(seed: int, size: int) -> list[uuid.UUID]:
    # Not for secrets: the same seed asks for the same sample.
    source = random.Random(seed)  # noqa: S311
    return [uuid.UUID(int=source.getrandbits(128)) for _ in range(size)]


def _answers(
    connection: Connection, model: str, sampled: Sampled, rows: int, check: Callable[[], None]
) -> tuple[Answers, list[float]]:
    """The exact answers, and how many milliseconds each exact query took that was timed."""
    one_pass = rows <= PASS_ROWS
    kth, took, deadline = [], [], time.monotonic() + EXACT_S
    for number, (own, vector) in enumerate(zip(sampled.ids, sampled.vectors, strict=True)):
        if number >= TIMED and (one_pass or time.monotonic() > deadline):
            break
        check()
        started = time.perf_counter()
        found = index_recall.exact(connection, model, vector, K + 1)
        took.append((time.perf_counter() - started) * 1000)
        others = [d for id_, d in zip(found.ids, found.distances, strict=True) if id_ != own]
        kth.append(others[:K][-1] if others else 0.0)
    if one_pass:
        blocks = _checked(index_recall.every_vector(connection, model), check)
        return Answers(sampled, nearest_distances(blocks, sampled.vectors)), took
    asked = Sampled(sampled.ids[: len(kth)], sampled.vectors[: len(kth)])
    return Answers(asked, np.array(kth, dtype=np.float32)), took


def _checked(blocks: Generator[Vectors, None, None], check: Callable[[], None]) -> Iterator[Vectors]:
    # Closed before its connection is: in the middle of a COPY that would wait for ever.
    with closing(blocks):
        for block in blocks:
            check()
            yield block


def nearest_distances(blocks: Iterable[Vectors], queries: Vectors, k: int = K) -> Distances:
    """The cosine distance of each query, itself among the vectors, to its k-th nearest other one; shape (n,)."""
    unit = _normalised(queries)
    best = np.full((len(unit), 0), 0, dtype=np.float32)
    for block in blocks:
        lengths = np.linalg.norm(block, axis=1)
        # Cosine knows no zero vector, and no index holds one.
        some = block[lengths > 0] / lengths[lengths > 0, None]
        best = np.concatenate([best, 1 - unit @ some.T], axis=1)
        if best.shape[1] > k + 1:
            best = np.partition(best, k, axis=1)[:, : k + 1]
    ordered = np.sort(best, axis=1)
    kth: Distances = ordered[:, min(k, ordered.shape[1] - 1)]
    return kth


def _normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit


class _Probe:
    """Asks the index the sampled questions at one setting after the other."""

    def __init__(
        self, connection: Connection, subject: Subject, model: str, answers: Answers, check: Callable[[], None]
    ) -> None:
        self._connection, self._subject, self._model, self._answers = connection, subject, model, answers
        self._check, self._deadline = check, time.monotonic() + TUNE_S
        index_recall.search_as_the_product_does(connection, subject.shape.method)

    @property
    def has_time(self) -> bool:
        return time.monotonic() < self._deadline

    def recall_at(self, value: int) -> float | None:
        """On TRIAL of the queries; None where Postgres would compare every row instead, and when time is up."""
        if not self.has_time:
            return None
        score = self.score(value, TRIAL)
        return score.recall if self.used(value) == self._subject.name else None

    def used(self, value: int) -> str | None:
        index_recall.turn(self._connection, self._subject.shape.setting, value)
        return index_recall.index_used(
            self._connection,
            self._subject.mark,
            halfvec=self._subject.shape.halfvec,
            model=self._model,
            vector=self._answers.sampled.vectors[0],
            limit=K + 1,
        )

    def score(self, value: int, queries: int) -> Score:
        index_recall.turn(self._connection, self._subject.shape.setting, value)
        recalls: list[float] = []
        took: list[float] = []
        sampled, kth = self._answers.sampled, self._answers.kth
        deadline = time.monotonic() + SCORE_S
        for own, vector, limit in list(zip(sampled.ids, sampled.vectors, kth, strict=True))[:queries]:
            if len(recalls) >= FEWEST and time.monotonic() > deadline:
                break
            self._check()
            started = time.perf_counter()
            found = index_recall.nearest(
                self._connection,
                self._subject.mark,
                halfvec=self._subject.shape.halfvec,
                model=self._model,
                vector=vector,
                limit=K + 1,
            )
            took.append((time.perf_counter() - started) * 1000)
            recalls.append(hits(found, own, float(limit)) / K)
        p50, p95 = np.percentile(took, [50, 95])
        mean, low, high = interval(recalls)
        return Score(value, len(recalls), mean, low, high, float(p50), float(p95))
