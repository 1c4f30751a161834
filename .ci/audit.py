"""Looks every locked dependency up among the known vulnerabilities (OSV): `make audit`.

Where the service cannot be reached, a sentence says so and all goes on: that is no fault of the dependencies.
"""

import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]
# It holds all that the others hold.
LOCK = "requirements-bench.txt"
SERVICE = "https://api.osv.dev/v1/query"
# It is asked once a package, and each answer takes a fraction of a second.
AT_MOST_S = 180


def main(service: str = SERVICE) -> int:
    """What to exit with: 0, or 1 when something is known."""
    where = urlsplit(service)
    try:
        socket.create_connection((where.hostname or "", where.port or 443), 5).close()
        pip_audit = [sys.executable, "-m", "pip_audit", "--requirement", LOCK, "--disable-pip", "--require-hashes"]
        how = ["--vulnerability-service", "osv", "--osv-url", service, "--progress-spinner", "off", "--timeout", "10"]
        done = subprocess.run([*pip_audit, *how], cwd=ROOT, timeout=AT_MOST_S, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        sys.stderr.write(f"{where.hostname} cannot be reached: the dependencies were not audited.\n")
        return 0
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
