"""A list with nothing in it is a sentence, not the head of a table."""

from collections.abc import Callable
from typing import Any

import pytest

Signalist = Callable[..., Any]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("feeds list", "There are no feeds: `signalist feeds add` adds some."),
        ("feeds list --text x", "No feed matches that."),
        ("feeds list --state failing", "No feed matches that."),
        ("failed list", "There are no failed jobs."),
        ("failed list --task crawl_feed", "No failed job matches that."),
        ("failed actions", "Nothing was done to failed jobs yet."),
        ("failed groups", "There are no failed jobs."),
        ("operations list", "There are no operations: nothing was planned yet."),
        ("operations list --state done", "No operation matches that."),
        ("record", "Nobody has done anything yet."),
        ("record --actor ada", "Nothing on record matches that."),
        ("sessions list", "Nobody is logged in."),
        ("tokens list", "There are no tokens: `signalist tokens create` makes one."),
        ("users list", "There are no accounts: `signalist users add` makes one."),
    ],
)
def test_a_list_with_nothing_in_it_is_a_sentence(signalist: Signalist, words: str, said: str) -> None:
    done = signalist(*words.split())
    assert (done.code, done.out) == (0, f"{said}\n")
    assert signalist(*words.split(), "--json").json == []
