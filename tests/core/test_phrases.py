"""Numbers and times read as a person says them."""

import pytest

from core import phrases


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (250, "4 min 10 s"),
        (3600, "1 h"),
        (187_200, "2 d 4 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, said: str) -> None:
    assert phrases.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(512, "512 B"), (41 * 2**20, "41 MB"), (1.04 * 2**30, "1.0 GB"), (3 * 2**40, "3.0 TB")]
)
def test_a_size_has_one_unit(count: float, said: str) -> None:
    assert phrases.size(count) == said


def test_counting_minds_the_plural() -> None:
    assert phrases.counted(1, "job") == "1 job"
    assert phrases.counted(1284, "job") == "1,284 jobs"
    assert phrases.counted(2, "query", "queries") == "2 queries"


def test_a_list_ends_with_and() -> None:
    assert phrases.listed(["a", "b", "c"]) == "a, b and c"
    assert phrases.listed(["a"]) == "a"
    assert phrases.listed([]) == ""
