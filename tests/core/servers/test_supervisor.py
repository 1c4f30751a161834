"""Processes that die are started again, and none outlives the supervisor, however that ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from core.servers import supervisor as module
from core.servers.supervisor import Child, Supervisor

SLEEP = "import time; time.sleep(60)"
WITH_A_CHILD_OF_ITS_OWN = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"


def child(code: str, name: str = "worker") -> Child:
    return Child(name, (sys.executable, "-c", code), {})


def tick_until(supervisor: Supervisor, condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        supervisor.tick()


def descendants(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)


def test_a_child_that_dies_is_started_again_and_it_is_said(caplog: pytest.LogCaptureFixture) -> None:
    worker = child(SLEEP)
    supervisor = Supervisor([], [worker])
    with supervisor.running():
        first = worker.process.pid
        worker.kill()
        tick_until(supervisor, lambda: worker.process.pid != first)
        assert worker.process.poll() is None
    assert "worker was killed by SIGKILL; it is started again in 1 s." in caplog.text


def test_one_that_keeps_dying_is_started_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_BACKOFF", (0.0, 0.0, 60.0))
    supervisor = Supervisor([], [child("raise SystemExit(3)")])
    with supervisor.running():
        tick_until(supervisor, lambda: "60 s" in caplog.text)
    said = [record.getMessage() for record in caplog.records]
    assert said == [f"worker ended with exit code 3; it is started again in {s} s." for s in (0, 0, 60)]


def test_at_the_end_every_child_is_gone_with_its_own_children() -> None:
    one, other = child(WITH_A_CHILD_OF_ITS_OWN, "one"), child(SLEEP, "other")
    supervisor = Supervisor([], [one, other])
    with supervisor.running():
        tick_until(supervisor, lambda: len(descendants(psutil.Process(one.process.pid))) == 1)
        family = [psutil.Process(one.process.pid), *descendants(psutil.Process(one.process.pid))]
    _, alive = psutil.wait_procs(family, timeout=5)
    assert not alive
    assert other.process.poll() == -signal.SIGTERM


def test_one_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "GRACE_S", 0.3)
    stubborn = child(STUBBORN)
    supervisor = Supervisor([], [stubborn])
    with supervisor.running():
        status = Path(f"/proc/{stubborn.process.pid}/status")
        tick_until(supervisor, lambda: _ignores(status, signal.SIGTERM))
    assert stubborn.process.returncode == -signal.SIGKILL
    assert "worker did not stop" in caplog.text


def test_ctrl_c_ends_the_loop_and_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    supervisor = Supervisor([], [child(SLEEP)])
    with supervisor.running():
        assert supervisor.tick()
        signal.raise_signal(signal.SIGINT)
        assert not supervisor.tick()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux tells children of their parent's end.")
def test_kill_9_of_the_supervisor_leaves_no_child() -> None:
    code = f"""
import sys
from core.servers.supervisor import Child, Supervisor
supervisor = Supervisor([], [Child("worker", (sys.executable, "-c", {SLEEP!r}), {{}})])
with supervisor.running():
    print(supervisor._children[0].process.pid, flush=True)
    while supervisor.tick():
        pass
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        orphan = psutil.Process(int(process.stdout.readline()))
        process.kill()
    orphan.wait(timeout=5)
    assert not orphan.is_running()


def _ignores(status: Path, number: signal.Signals) -> bool:
    mask = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_asked_twice_it_waits_for_nobody() -> None:
    stubborn = child(STUBBORN)
    supervisor = Supervisor([], [stubborn])
    started = time.monotonic()
    with supervisor.running():
        status = Path(f"/proc/{stubborn.process.pid}/status")
        tick_until(supervisor, lambda: _ignores(status, signal.SIGTERM))
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert stubborn.process.returncode == -signal.SIGKILL
    assert time.monotonic() - started < module.GRACE_S
