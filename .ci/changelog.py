"""Writes what CHANGELOG.md says of one release: `python3 .ci/changelog.py v1.2.3`.

Exits 1 with a sentence where the tag is not the version of pyproject.toml, or has no section of its own.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(tag: str, root: Path = ROOT) -> int:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    if tag != f"v{version}":
        sys.stderr.write(f"The tag is {tag}, but pyproject.toml is at {version}.\n")
        return 1
    heading = rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |\Z)"
    found = re.search(heading, (root / "CHANGELOG.md").read_text(), re.MULTILINE | re.DOTALL)
    if found is None or not found[1].strip():
        sys.stderr.write(f"CHANGELOG.md has no section ## [{version}].\n")
        return 1
    sys.stdout.write(found[1].strip() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
