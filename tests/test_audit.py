"""`make audit`, with a service of known vulnerabilities that says what the test wants."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[1]
AUDIT = ROOT / ".ci" / "audit.py"
MADE_UP = {"id": "TEST-2026-1", "summary": "Made up", "affected": [], "modified": "2026-01-01T00:00:00Z"}


class Service(ThreadingHTTPServer):
    """Knows something about the package `vulnerable`, if that is set; `asked` are those that it was asked about."""

    vulnerable = ""
    asked: set[str]


class _Answer(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = query["package"]["name"]
        self.server.asked.add(name)
        body = json.dumps({"vulns": [MADE_UP]} if name == self.server.vulnerable else {}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(("127.0.0.1", 0), _Answer) as found:
        found.asked = set()
        Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def audit(address: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(AUDIT), address], capture_output=True, text=True, check=False)


def test_every_locked_dependency_is_looked_up_and_a_known_vulnerability_fails(service: Service) -> None:
    address = f"http://127.0.0.1:{service.server_port}/v1/query"
    service.vulnerable = "aiohttp"
    done = audit(address)
    assert done.returncode == 1, done.stderr
    assert "TEST-2026-1" in done.stdout
    assert {"aiohttp", "nicegui", "psycopg", "ruff", "reader"} <= service.asked


def test_every_locked_dependency_is_known_by_its_hash_and_by_no_address() -> None:
    for lock in ROOT.glob("requirements*.txt"):
        text = lock.read_text()
        assert "://" not in text
        pinned = [entry for entry in text.replace("\\\n", "").splitlines() if entry.strip()]
        assert len(pinned) > 50
        assert all("==" in entry and "--hash=sha256:" in entry for entry in pinned), lock


def test_where_nobody_can_be_asked_it_says_so_and_all_goes_on(unused_tcp_port: int) -> None:
    done = audit(f"http://127.0.0.1:{unused_tcp_port}/v1/query")
    assert (done.returncode, done.stderr) == (0, "127.0.0.1 cannot be reached: the dependencies were not audited.\n")
