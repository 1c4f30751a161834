"""`signalist worker`: taskiq's manager with our broker in each of its processes."""

import logging
from dataclasses import replace

from taskiq.cli.worker.args import WorkerArgs
from taskiq.cli.worker.process_manager import ProcessManager
from taskiq.cli.worker.run import start_listen

from core import logs
from core.config import settings
from core.servers.supervisor import ended
from workers.app import make_broker
from workers.broker import Broker

log = logging.getLogger(__name__)

# At a stop, running jobs have this long to finish; then they are given back and run again elsewhere. Less than the
# supervisor of `signalist up` and docker's stop_grace_period allow.
DRAIN_S = 20.0


def run(processes: int, slots: int) -> int:
    """Runs `processes` processes of `slots` jobs each until SIGTERM or SIGINT; one that ends is replaced.

    Returns the exit status. Raises Unavailable or Misconfigured if there is nothing to connect to.
    """
    # Asked for here, so that a wrong setting is one sentence, and not a process that dies every second.
    settings().database()
    settings().redis()
    _quieten()
    args = WorkerArgs(
        broker="",
        modules=[],
        configure_logging=False,
        workers=processes,
        max_async_tasks=slots,
        # A job that waits in one worker while another is idle, waits for nothing.
        max_prefetch=0,
        wait_tasks_timeout=DRAIN_S,
    )
    manager = ProcessManager(args=args, worker_function=listen)
    manages = logging.getLogger("taskiq.process-manager")
    manages.setLevel(logging.INFO)
    manages.addFilter(_Deaths(manager))
    status = manager.start()
    for process in manager.workers:
        process.join()
    return status or 0


class _Deaths(logging.Filter):
    """Says how a process of `manager` ended that did not end well, whenever taskiq has something to say itself.

    One that is killed for its memory says nothing, and taskiq only that it is dead, as of one that has had its time.
    """

    def __init__(self, manager: ProcessManager) -> None:
        super().__init__()
        self._manager = manager
        self._told: set[int | None] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        for process in self._manager.workers:
            if process.exitcode and process.pid not in self._told:
                self._told.add(process.pid)
                log.warning("Worker process %s %s; another takes its place.", process.pid, ended(process.exitcode))
        return record.levelno >= logging.WARNING


def listen(args: WorkerArgs) -> None:
    """What each process does. The broker is made here, because no connection survives a fork."""
    logs.configure_service(settings())
    work(args, make_broker(settings(), args.max_async_tasks))


def work(args: WorkerArgs, broker: Broker) -> None:
    """Runs the jobs of `broker` until SIGTERM or SIGINT."""
    _quieten()
    # taskiq takes a broker as well as the name of one.
    start_listen(replace(args, broker=broker, receiver="workers.receiver:Receiver"))  # type: ignore[arg-type]


def _quieten() -> None:
    # taskiq prints a traceback for every attempt that fails; our middleware says so in a line, and keeps the rest.
    logging.getLogger("taskiq.receiver").setLevel(logging.CRITICAL)
    logging.getLogger("taskiq").setLevel(logging.WARNING)
