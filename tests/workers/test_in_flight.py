"""How free slots are shared out among queues."""

from workers.in_flight import shares

QUEUES = ("a", "b", "c", "d")


def rooms(room: int) -> dict[str, int]:
    return dict.fromkeys(QUEUES, room)


def test_each_queue_is_asked_for_one_first() -> None:
    assert shares(4, rooms(8), set()) == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_a_queue_that_had_more_to_give_gets_what_is_left() -> None:
    assert shares(10, rooms(8), {"b"}) == {"a": 1, "b": 7, "c": 1, "d": 1}


def test_two_hungry_queues_share_what_is_left() -> None:
    assert shares(10, rooms(8), {"a", "d"}) == {"a": 4, "b": 1, "c": 1, "d": 4}


def test_never_more_than_is_free_nor_than_a_queue_has_room_for() -> None:
    assert shares(2, rooms(8), set(QUEUES)) == {"a": 1, "b": 1}
    assert shares(100, {"a": 2, "b": 0, "c": 1}, set(QUEUES)) == {"a": 2, "c": 1}
    assert shares(0, rooms(8), set(QUEUES)) == {}
