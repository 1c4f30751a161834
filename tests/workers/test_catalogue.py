"""What core says can be sent is what the workers' tasks take."""

import inspect
import typing
import uuid

from taskiq import async_shared_broker

import workers.tasks  # noqa: F401
from core.queues.catalogue import CATALOGUE
from workers.runtime import InRuntime


def test_every_task_is_in_the_catalogue_with_its_queue_and_its_parameters() -> None:
    tasks = async_shared_broker.get_all_tasks()
    assert tasks
    for name, task in tasks.items():
        hints = typing.get_type_hints(task.original_func, include_extras=True)
        parameters = [p for p in inspect.signature(task.original_func).parameters if hints[p] is not InRuntime]
        signature = CATALOGUE[name]
        assert signature.queue == task.labels["queue_name"]
        assert [parameter.name for parameter in signature.parameters] == parameters
        assert {hints[parameter] for parameter in parameters} <= {uuid.UUID}


def test_the_catalogue_names_no_task_that_nobody_runs() -> None:
    assert set(CATALOGUE) <= set(async_shared_broker.get_all_tasks())
