"""Revisions that a test adds on top of ours."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.migrations import scripts, statements

Add = Callable[..., str]


@pytest.fixture
def revisions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Add]:
    """`revisions(up="…", down="…")` adds one on top, and returns its id."""
    folder = tmp_path / "alembic"
    shutil.copytree(scripts.SCRIPTS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = scripts.revisions()[0]
    monkeypatch.setattr(scripts, "SCRIPTS", folder)
    added: list[str] = []

    def add(up: str, down: str = "pass", summary: str = "a change") -> str:
        revision = f"90{len(added) + 1:02}"
        text = (
            f'"""{summary}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
            f'revision = "{revision}"\ndown_revision = "{added[-1] if added else head}"\n\n\n'
            f"def upgrade():\n    {up}\n\n\ndef downgrade():\n    {down}\n"
        )
        (folder / "versions" / f"{revision}_added.py").write_text(text)
        added.append(revision)
        _forget()
        return revision

    _forget()
    yield add
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    scripts.revisions.cache_clear()
    statements._of.cache_clear()
