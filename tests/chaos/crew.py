"""Worker processes that can be killed, and the ledger of what they did."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

LEASE_S = 3.0
APP = Path(__file__).with_name("worker_app.py")


@dataclass(frozen=True)
class Run:
    """One run of one job, in monotonic seconds. `ended`: it had its effect. A run that was killed ends at the kill."""

    job: str
    pid: int
    start: float
    end: float
    ended: bool


class Crew:
    """The worker processes of a test, and the ledger of what they did."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self._config = {"effects": str(folder / "effects"), "lease": LEASE_S, **config}
        self._processes: list[subprocess.Popen[bytes]] = []
        self._deaths: dict[int, float] = {}
        # When each process was frozen, and let go again.
        self._frozen: dict[int, list[tuple[float, float]]] = defaultdict(list)
        self._events: list[dict[str, Any]] = []
        self._read = 0
        self._log = (folder / "log").open("ab")

    def start(self, **config: Any) -> int:
        """Starts a process and returns its pid."""
        command = [sys.executable, str(APP), json.dumps(self._config | config)]
        process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        self._processes.append(process)
        return process.pid

    def send(self, pid: int, what: signal.Signals) -> float:
        """Returns when."""
        os.kill(pid, what)
        at = time.monotonic()
        match what:
            case signal.SIGKILL:
                self._deaths[pid] = at
            case signal.SIGSTOP:
                self._frozen[pid].append((at, float("inf")))
            case signal.SIGCONT:
                self._frozen[pid][-1] = (self._frozen[pid][-1][0], at)
        return at

    def children(self, pid: int) -> list[int]:
        return [child.pid for child in psutil.Process(pid).children() if "worker_app" in " ".join(child.cmdline())]

    def is_running(self, pid: int) -> bool:
        process = next((one for one in self._processes if one.pid == pid), None)
        if process is not None:
            return process.poll() is None
        return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    def wait(self, pid: int, within: float = 10.0) -> int:
        return next(one for one in self._processes if one.pid == pid).wait(within)

    def end(self) -> None:
        """Kills what still runs, manager first, so that it starts no new ones."""
        for process in self._processes:
            if process.poll() is None:
                children = psutil.Process(process.pid).children(recursive=True)
                process.kill()
                process.wait()
                for child in children:
                    if child.is_running():
                        child.kill()
        self._log.close()

    def events(self) -> list[dict[str, Any]]:
        file = Path(self._config["effects"])
        if file.exists():
            with file.open("rb") as lines:
                lines.seek(self._read)
                for line in lines:
                    if line.endswith(b"\n"):
                        self._events.append(json.loads(line))
                        self._read += len(line)
        return self._events

    def count(self, event: str, job: str | None = None) -> int:
        return sum(one["event"] == event and job in {None, one["job"]} for one in self.events())

    def runs(self) -> dict[str, list[Run]]:
        """Every run of every job."""
        found: dict[str, list[Run]] = defaultdict(list)
        begun: dict[tuple[str, int], float] = {}
        for event in self.events():
            who = (event["job"], event["pid"])
            match event["event"]:
                case "start":
                    if who in begun:
                        # It has not ended its first run, and has a second: that is no end in time.
                        found[event["job"]].append(Run(*who, begun[who], float("inf"), ended=False))
                    begun[who] = event["at"]
                case "died":
                    self._deaths[event["pid"]] = event["at"]
                case _ if who in begun:
                    found[event["job"]].append(self._run(*who, begun.pop(who), event))
        now = time.monotonic()
        for who, start in begun.items():
            end = self._deaths.get(who[1], now if self.is_running(who[1]) else start)
            found[who[0]].append(Run(*who, start, max(end, start), ended=False))
        return found

    def _run(self, job: str, pid: int, start: float, event: dict[str, Any]) -> Run:
        """A run that stopped because it was frozen past its lease stood still from then on."""
        end, ended = event["at"], event["event"] == "end"
        if not ended:
            end = min([end, *(at for at, _ in self._frozen[pid] if start < at < end)])
        return Run(job, pid, start, end, ended=ended)

    def overlaps(self) -> list[tuple[Run, Run]]:
        """Pairs of runs of one job at once: the promise says that there are none."""
        pairs = []
        for runs in self.runs().values():
            ordered = sorted(runs, key=lambda run: run.start)
            pairs += [(a, b) for a, b in itertools.pairwise(ordered) if b.start < a.end]
        return pairs

    def dead_workers_of(self, job: str) -> int:
        """How many processes have had the job and are gone."""
        return sum(not self.is_running(pid) for pid in {run.pid for run in self.runs()[job]})

    def fate(self, pid: int) -> str:
        """What was done to it, and when."""
        frozen = [f"frozen {at:.2f} to {until:.2f}" for at, until in self._frozen[pid]]
        died = [f"killed at {self._deaths[pid]:.2f}"] if pid in self._deaths else []
        return f"{pid}: {', '.join(frozen + died) or 'nothing'}"

    def slowest_awakening(self) -> float:
        """The longest time in which a worker that was frozen past its lease stopped a job after it woke, in seconds."""
        begun: dict[tuple[str, int], float] = {}
        longest = 0.0
        for event in self.events():
            who = (event["job"], event["pid"])
            if event["event"] == "start":
                begun[who] = event["at"]
            elif event["event"] == "stopped" and who in begun:
                for frozen, thawed in self._frozen[event["pid"]]:
                    if begun[who] < frozen and thawed - frozen > LEASE_S and thawed < event["at"]:
                        longest = max(longest, event["at"] - thawed)
        return longest

    def lost(self, jobs: Iterable[str]) -> list[str]:
        """Those of `jobs` that never had their effect."""
        done = {event["job"] for event in self.events() if event["event"] == "end"}
        return [job for job in jobs if job not in done]
