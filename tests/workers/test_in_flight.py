"""How free slots are shared out among queues."""

from taskiq.message import TaskiqMessage

from core.queues.delivery import Hold
from workers.in_flight import Delivery, InFlight, shares

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


def test_a_job_that_came_again_is_not_dropped_with_its_lost_predecessor() -> None:
    in_flight = InFlight(2, {"a": 2})
    hold = Hold("a", "1-1", "id", "", 0)
    message = TaskiqMessage(task_id="id", task_name="t", labels={}, args=[], kwargs={})
    lost, again = (Delivery(hold, b"", message, (), (), n, 0, 0.0, 0.0) for n in (1, 2))
    in_flight.add(lost)
    handle = in_flight.add(again)
    in_flight.drop(lost)
    assert in_flight.get(handle) is again
    in_flight.drop(again)
    assert (in_flight.get(handle), in_flight.room("a")) == (None, 2)
