"""What runs under docker compose is closed, bounded, watched, and one version only."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# The image of the project has a check of its own, for the dashboard.
OWN_CHECK = {"dashboard"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_limits_a_check_and_a_version(name: str) -> None:
    service = SERVICES[name]
    assert re.search(r":\d+\.\d+(\.\d+)?", service["image"]), "a tag that says a version"
    assert service["mem_limit"]
    assert name in OWN_CHECK or service["healthcheck"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["logging"]["options"]["max-size"]


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert set(SERVICES["caddy"]["networks"]).isdisjoint(SERVICES["postgres"]["networks"])


def test_no_secret_stands_in_it() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|AUTH|URL", name):
                assert "${" in value


def test_the_image_runs_as_nobody_in_particular_and_its_files_belong_to_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001"]
    assert not any("--chown" in line for line in lines)
    assert all(re.search(r":\d+\.\d+\.\d+-", line) for line in lines if line.startswith("FROM "))


def test_what_the_image_needs_is_sent_to_the_engine_and_the_secrets_are_not() -> None:
    sent = {
        line[1:].removesuffix("/**") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert {"core", "workers", "dashboard", "alembic", "pyproject.toml", "requirements.txt"} <= sent
    assert not {name for name in sent if name.startswith((".env", "var", ".git"))}
    assert all((ROOT / name).exists() for name in sent)
