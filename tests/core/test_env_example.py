"""`.env.example` names every setting, explains it, and shows its default."""

import re
from pathlib import Path

import pytest

from core.config import SAMPLE_SECRET, Settings, settings
from core.errors import Misconfigured

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINES = EXAMPLE.read_text().splitlines()
SHOWN = dict(line.split("=", 1) for line in LINES if re.match(r"[A-Z_]+=", line))
# What only docker-compose.yml reads.
COMPOSE = set(re.findall(r"(?<!\$)\$\{(\w+)", (EXAMPLE.parent / "docker-compose.yml").read_text()))
FIELDS = {field.alias or name.upper(): name for name, field in Settings.model_fields.items()}


def test_every_setting_is_shown_and_nothing_else_is() -> None:
    assert set(SHOWN) == set(FIELDS) | COMPOSE


def test_every_setting_is_explained_on_the_line_above_it() -> None:
    for before, line in zip(["", *LINES], LINES, strict=False):
        if line and not line.startswith("#"):
            assert before.startswith("# "), f"{line} has no explanation on the line above it"


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_what_is_shown_is_the_default(name: str) -> None:
    field = FIELDS[name]
    if name == "APP_SECRET":
        assert SHOWN[name] == SAMPLE_SECRET
        return
    given = {} if SHOWN[name] == "" else {field if name != "SIGNALIST_DATA_DIR" else name: SHOWN[name]}
    assert getattr(Settings(_env_file=None, **given), field) == getattr(Settings(_env_file=None), field)


def test_the_sample_secret_is_refused_in_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(EXAMPLE.read_text().replace("APP_ENV=dev", "APP_ENV=prod"))
    monkeypatch.delenv("APP_ENV", raising=False)
    settings.cache_clear()
    with pytest.raises(Misconfigured, match=r"^APP_SECRET is missing or still the sample one"):
        settings()
    settings.cache_clear()
