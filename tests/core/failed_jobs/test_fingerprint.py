"""Failures with one cause share a fingerprint; those with different causes do not."""

import pytest

from core.failed_jobs import fingerprint, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("timed out after 20 s", "timed out after 21.5 s"),
        ("GET https://a.example/feed?page=2 failed", "GET http://b.example:8080/rss failed"),
        ("no article 0197a4b2-1111-7222-8333-444455556666", "no article 0197a4b2-9999-7222-8333-aaaabbbbcccc"),
        ("object at 0x7f3a2b", "object at 0x11ff"),
        ("hash 9f86d081884c7d65", "hash 60303ae22b998861"),
        ("line\n  12", "line 13"),
        ("took 20ms", "took 31ms"),
        ("1,024 bytes", "9 bytes"),
    ],
)
def test_what_varies_from_job_to_job_does_not_split_a_group(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("no such feed", "no such article"), ("the text was defaced", "the text was defended"), ("utf8", "latin1")],
)
def test_what_differs_in_words_is_another_cause(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_the_kind_and_the_place_count_too() -> None:
    prints = {
        fingerprint("ValueError", "no", "core/a.py:f"),
        fingerprint("TypeError", "no", "core/a.py:f"),
        fingerprint("ValueError", "no", "core/a.py:g"),
    }
    assert len(prints) == 3
    assert all(len(one) == 16 for one in prints)


def test_a_message_of_megabytes_costs_no_time_and_no_memory() -> None:
    assert len(normalised("a1" * 5_000_000)) <= 500
