"""One limit for what is taken from programs, from queues, and into the list of failed jobs."""

import json

import pytest

from core.nesting import DEEPEST, too_deep

LISTS, OBJECTS = ("[", "1", "]"), ('{"a":', "1", "}")


@pytest.mark.parametrize(("before", "inside", "after"), [LISTS, OBJECTS])
def test_as_deep_as_allowed_passes_and_one_more_does_not(before: str, inside: str, after: str) -> None:
    for depth, refused in ((0, False), (DEEPEST, False), (DEEPEST + 1, True), (900, True)):
        assert too_deep(json.loads(before * depth + inside + after * depth)) is refused


def test_what_is_wide_is_not_deep() -> None:
    assert not too_deep([[{"a": []}] * 1_000] * 100)
