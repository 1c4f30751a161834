"""`signalist demo` keeps away from what is real."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.config import Settings
from dashboard.cli import demo, up


def test_no_address_of_a_real_server_gets_into_the_demo(
    signalist: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen: list[Settings] = []
    monkeypatch.setattr(demo, "run", lambda own, _extra: chosen.append(own))
    assert signalist("demo").code == 0
    (own,) = chosen
    own.servers_file.write_text(json.dumps({"DATABASE_URL": "postgresql://demo/", "REDIS_URL": "redis://demo"}))
    for child in up._children(own, tmp_path, {}):
        addresses = {name: child._environment[name] for name in ("DATABASE_URL", "ADMIN_DATABASE_URL", "REDIS_URL")}
        assert set(addresses.values()) == {"postgresql://demo/", "redis://demo"}


@pytest.mark.parametrize(("said", "level"), [(None, "WARNING"), ("INFO", "INFO")])
def test_it_logs_what_goes_well_only_when_asked_to(
    signalist: Any, monkeypatch: pytest.MonkeyPatch, said: str | None, level: str
) -> None:
    chosen: list[Settings] = []
    monkeypatch.setattr(demo, "run", lambda own, _extra: chosen.append(own))
    if said:
        monkeypatch.setenv("LOG_LEVEL", said)
    assert signalist("demo").code == 0
    assert chosen[0].log_level == demo._environment(chosen[0])["LOG_LEVEL"] == level
