"""What runs under docker compose is closed, bounded, watched, and one version only; each rule is a test here."""

import re
import shlex
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.indexes import versions
from core.queues.beats import LIFETIME_S
from workers.worker import DRAIN_S

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DEVELOPMENT: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.dev.yml").read_text())["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
STAGES = DOCKERFILE.split("\nFROM ")[1:]
CADDYFILE = (ROOT / "Caddyfile").read_text()
OURS = ("dashboard", "worker", "scheduler", "migrate")

every_service = pytest.mark.parametrize("name", SERVICES)
every_role = pytest.mark.parametrize("name", OURS)


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()
    return float(number) * {"s": 1, "m": 60}[unit]


def megabytes(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)([mMgG])B?", text).groups()
    return float(number) * {"m": 1, "g": 1024}[unit.lower()]


def flags(name: str) -> str:
    command = SERVICES[name]["command"]
    return command if isinstance(command, str) else " ".join(command)


def test_every_role_is_there() -> None:
    assert set(SERVICES) == {"caddy", "postgres", "valkey", *OURS}


# Each container.


@every_service
def test_its_version_is_pinned(name: str) -> None:
    assert re.search(r":\d+\.\d+(\.\d+)?(-|$)", SERVICES[name]["image"])


@every_service
def test_its_memory_and_its_cpus_are_limited(name: str) -> None:
    assert megabytes(SERVICES[name]["mem_limit"]) > 0
    # With more than the host has, the engine refuses to start it: two are to be enough.
    assert 0 < SERVICES[name]["cpus"] <= 2


@every_service
def test_it_is_started_again_unless_it_is_to_run_once(name: str) -> None:
    assert SERVICES[name]["restart"] == ("no" if name == "migrate" else "unless-stopped")


@every_service
def test_it_has_time_to_stop(name: str) -> None:
    assert seconds(SERVICES[name]["stop_grace_period"]) >= 15


@every_service
def test_its_log_is_rotated(name: str) -> None:
    assert SERVICES[name]["logging"]["driver"] == "json-file"
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


@every_service
def test_it_gains_no_powers(name: str) -> None:
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "network_mode", "pid", "devices"} & set(SERVICES[name])
    assert not any("docker.sock" in str(volume) for volume in SERVICES[name].get("volumes", ()))
    # The image of Postgres begins as root, makes its folders, and goes on as postgres.
    assert SERVICES[name].get("cap_drop") == (None if name == "postgres" else ["ALL"])


@every_service
def test_its_root_is_read_only_and_what_it_writes_has_a_place(name: str) -> None:
    if name == "postgres":
        return
    assert SERVICES[name]["read_only"]
    assert SERVICES[name].get("tmpfs") or SERVICES[name].get("volumes")


@every_service
def test_no_secret_stands_in_the_file(name: str) -> None:
    for setting, value in SERVICES[name].get("environment", {}).items():
        if re.search("SECRET|PASSWORD|AUTH|URL", setting):
            assert re.search(r"\$\{\w+:\?", value), "it comes from .env, and without one nothing starts"


# What is watched.

CHECKS = {
    "caddy": "http://127.0.0.1:2080/",
    "postgres": "select 1",
    "valkey": "valkey-cli ping | grep -qx PONG",
    "worker": "signalist health workers --here",
    "scheduler": "signalist health scheduler",
}


@pytest.mark.parametrize("name", CHECKS)
def test_its_check_asks_it_to_do_what_it_is_there_for(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert CHECKS[name] in " ".join(check["test"])
    assert seconds(check["timeout"]) <= seconds(check["interval"])


def test_the_dashboard_has_the_check_of_the_image() -> None:
    assert "test" not in SERVICES["dashboard"]["healthcheck"]
    assert "http://127.0.0.1:8080/health/live" in DOCKERFILE
    assert SERVICES["dashboard"]["environment"]["PORT"] == "8080"


def test_only_what_ends_by_itself_has_none() -> None:
    assert [name for name in OURS if SERVICES[name]["healthcheck"].get("disable")] == ["migrate"]


@every_role
def test_it_starts_when_its_servers_answer_and_the_schema_is_there(name: str) -> None:
    waits = {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items()}
    assert waits["postgres"] == "service_healthy"
    if name != "migrate":
        assert waits == {
            "postgres": "service_healthy",
            "valkey": "service_healthy",
            "migrate": "service_completed_successfully",
        }


def test_a_worker_finishes_its_jobs_before_it_is_killed() -> None:
    # Taskiq's manager and the goodbye to Redis take some seconds more.
    assert seconds(SERVICES["worker"]["stop_grace_period"]) >= DRAIN_S + 8


def test_a_worker_is_not_called_dead_before_its_beat_has_run_out() -> None:
    check = SERVICES["worker"]["healthcheck"]
    assert seconds(check["start_period"]) > LIFETIME_S


def test_there_are_two_workers() -> None:
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert "container_name" not in SERVICES["worker"], "more would have the same name"


# Who reaches whom.


def test_only_the_proxy_is_published_with_http_3_too() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert SERVICES["caddy"]["ports"] == ["80:80", "443:443", "443:443/udp"]


def test_the_proxy_reaches_the_dashboard_and_nothing_else() -> None:
    assert [name for name, service in SERVICES.items() if "front" in service["networks"]] == ["caddy", "dashboard"]
    assert SERVICES["caddy"]["networks"] == ["front"]


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_the_servers_with_the_data_have_no_way_out(name: str) -> None:
    assert SERVICES[name]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_the_dashboard_believes_the_proxys_network_only() -> None:
    (config,) = COMPOSE["networks"]["front"]["ipam"]["config"]
    assert SERVICES["dashboard"]["environment"]["FORWARDED_ALLOW_IPS"] == config["subnet"]
    assert "FORWARDED_ALLOW_IPS" not in SERVICES["worker"]["environment"]


# What is kept.


def test_what_must_last_is_on_volumes() -> None:
    kept = {name: service["volumes"] for name, service in SERVICES.items() if "volumes" in service}
    assert kept == {
        "caddy": ["certificates:/data"],
        "postgres": ["postgres:/var/lib/postgresql"],
        "valkey": ["valkey:/data"],
    }
    assert set(COMPOSE["volumes"]) == {"certificates", "postgres", "valkey"}


def test_postgres_is_16_or_newer_and_has_a_pgvector_of_which_nothing_bad_is_known() -> None:
    version = re.fullmatch(r"pgvector/pgvector:(\d+\.\d+\.\d+)-pg(\d+)-\w+", SERVICES["postgres"]["image"])
    assert versions.warnings(version[1], ["hnsw", "ivfflat"]) == ()
    assert int(version[2]) >= 16


def test_an_index_is_built_in_parallel_within_shared_memory() -> None:
    said = re.search(r"maintenance_work_mem=(\w+)", flags("postgres"))[1]
    assert megabytes(SERVICES["postgres"]["shm_size"]) >= 2 * megabytes(said)
    assert megabytes(SERVICES["postgres"]["mem_limit"]) > 2 * megabytes(SERVICES["postgres"]["shm_size"])


def test_valkey_loses_no_job() -> None:
    words = shlex.split(flags("valkey"))[-1]
    assert "--appendonly yes" in words
    assert "--maxmemory-policy noeviction" in words
    assert '--requirepass "$$REDISCLI_AUTH"' in words
    said = re.search(r"--maxmemory (\w+)", words)[1]
    assert megabytes(SERVICES["valkey"]["mem_limit"]) >= 2 * megabytes(said.removesuffix("b")), "a rewrite forks"


# The image.


@every_role
def test_one_image_serves_every_role(name: str) -> None:
    assert (SERVICES[name]["image"], SERVICES[name]["build"]) == ("signalist:0.1.0", ".")
    assert SERVICES[name]["init"]
    assert SERVICES[name]["tmpfs"] == ["/tmp"]


def test_it_is_built_in_stages_on_pinned_bases() -> None:
    assert len(STAGES) == 2
    assert all(re.search(r":\d+\.\d+\.\d+-slim-\w+", line) for line in DOCKERFILE.splitlines() if line[:5] == "FROM ")


def test_nothing_in_it_installs_or_compiles() -> None:
    assert "venv --without-pip" in STAGES[0]
    assert "pip uninstall --yes pip" in STAGES[1]
    assert not re.search(r"apt-get|apk |gcc|build-essential|pip install", STAGES[1])


def test_what_is_installed_is_locked() -> None:
    assert "--require-hashes --requirement requirements.txt" in STAGES[0]


def test_it_runs_as_nobody_in_particular_and_its_files_belong_to_root() -> None:
    assert re.findall("^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001"]
    assert "--chown" not in DOCKERFILE


def test_what_it_writes_goes_to_the_one_place_where_it_may() -> None:
    for setting in ("HOME", "NICEGUI_STORAGE_PATH", "SIGNALIST_DATA_DIR"):
        assert re.search(rf"\b{setting}=/tmp\b", DOCKERFILE)


def test_what_the_image_needs_is_sent_to_the_engine_and_the_secrets_are_not() -> None:
    sent = {
        line[1:].removesuffix("/**") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert {"core", "workers", "dashboard", "alembic", "pyproject.toml", "requirements.txt"} <= sent
    assert not {name for name in sent if name.startswith((".env", "var", ".git"))}
    assert all((ROOT / name).exists() for name in sent)


# The proxy; tests/browser/test_caddy.py asks a real one.


def test_the_proxy_is_configured_by_a_file() -> None:
    assert COMPOSE["configs"] == {"caddyfile": {"file": "./Caddyfile"}}
    assert SERVICES["caddy"]["configs"] == [{"source": "caddyfile", "target": "/etc/caddy/Caddyfile"}]


def test_the_proxys_own_health_check_is_not_published() -> None:
    assert "http://:2080 {\n\tbind 127.0.0.1" in CADDYFILE


def test_the_proxy_and_the_dashboard_are_told_of_the_same_header_and_the_example_of_its_address() -> None:
    assert SERVICES["caddy"]["environment"]["SSO_HEADER"] == "${SSO_HEADER:-X-Forwarded-User}"
    assert SERVICES["dashboard"]["env_file"] == ".env"
    (example,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "security.md").read_text(), re.DOTALL)
    services = yaml.safe_load(example)["services"]
    fixed = ip_address(services["caddy"]["networks"]["front"]["ipv4_address"])
    assert services["dashboard"]["environment"]["SSO_PROXIES"] == str(fixed)
    # The last one: the engine hands addresses out from the first on, which is its own.
    assert fixed == [*ip_network(COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"]).hosts()][-1]


# Development.


@pytest.mark.parametrize("name", ["dashboard", "worker", "scheduler"])
def test_in_development_the_sources_are_mounted_and_a_change_restarts(name: str) -> None:
    service = DEVELOPMENT[name]
    assert service["entrypoint"][0] == "watchfiles"
    command, *folders = service["command"]
    assert command == f"signalist {' '.join(SERVICES[name]['command'])}"
    mounted = {volume.split(":")[0].removeprefix("./") for volume in service["volumes"]}
    assert set(folders) <= mounted
    assert all((ROOT / folder).is_dir() for folder in mounted)
    assert all(volume.endswith(":ro") for volume in service["volumes"])


def test_in_development_only_this_machine_reaches_it() -> None:
    published = [port for service in DEVELOPMENT.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:8080:8080"]


# By its own tool, where there is one.


@pytest.mark.parametrize("more", [(), ("--file", "docker-compose.dev.yml")], ids=["production", "development"])
def test_compose_itself_understands_it(more: tuple[str, ...], tmp_path: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode:
        pytest.skip("There is no `docker compose` on this machine: CI runs this where there is one.")
    folder = tmp_path / "signalist"
    folder.mkdir()
    for name in ("docker-compose.yml", "docker-compose.dev.yml", "Caddyfile"):
        shutil.copy(ROOT / name, folder)
    (folder / ".env").write_text("APP_SECRET=a\nPOSTGRES_PASSWORD=b\nREDIS_PASSWORD=c\n")
    done = subprocess.run(
        [docker, "compose", "--file", "docker-compose.yml", *more, "config", "--quiet"],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# The targets that start it.

MAKE = {
    "up": ["docker compose up --detach --wait"],
    "down": ["docker compose down"],
    "build": ["docker compose build"],
    "logs": ["docker compose logs --follow --tail 100"],
    "shell": ["docker compose exec dashboard sh"],
    "psql": ['docker compose exec postgres sh -c \'psql --username "$POSTGRES_USER" "$POSTGRES_DB"\''],
    "dev": ["docker compose --file docker-compose.yml --file docker-compose.dev.yml up --build"],
}


@pytest.mark.parametrize("target", MAKE)
def test_a_target_runs(target: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == MAKE[target]


@pytest.mark.parametrize(("answer", "deletes"), [("delete", True), ("yes", False), ("", False)])
def test_nothing_is_deleted_before_a_person_has_typed_it(answer: str, deletes: bool) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "rebuild", "COMPOSE=echo compose"],
        check=False,
        cwd=ROOT,
        input=f"{answer}\n",
        capture_output=True,
        text=True,
    )
    assert "This deletes the volumes" in done.stdout
    assert ("compose down --volumes" in done.stdout) == deletes
    assert (done.returncode == 0) == deletes
