"""What CI has to do, so that nothing reaches main or a host unseen."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
CI: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())
RELEASE: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / "release.yml").read_text())
FILES = sorted(GITHUB.rglob("*.yml"))
JOBS: dict[str, dict[str, Any]] = CI["jobs"]
CHECKS = {"lint", "analyse", "audit", "test", "browser", "chaos", "image"}


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_every_check_is_required() -> None:
    assert set(JOBS) == CHECKS | {"required", "deploy"}
    assert set(JOBS["required"]["needs"]) == CHECKS
    assert JOBS["required"]["if"] == "always()", "a check that is skipped must not count as passed"
    assert not any("continue-on-error" in job for job in JOBS.values())


@pytest.mark.parametrize(
    ("results", "passes"),
    [("success success", True), ("success failure", False), ("cancelled success", False), ("skipped", False)],
)
def test_only_success_counts(results: str, passes: bool) -> None:
    done = subprocess.run(
        ["bash", "-e", "-c", commands(JOBS["required"])], env={"RESULTS": results, "PATH": "/usr/bin:/bin"}, check=False
    )
    assert (done.returncode == 0) == passes


def test_each_test_runs_in_one_of_the_jobs() -> None:
    marks = {job: re.findall(r"-m '?([^'\"]+)", commands(JOBS[job])) for job in ("test", "browser", "chaos")}
    assert marks == {"test": ["not browser and not chaos"], "browser": ["browser"], "chaos": ["chaos"]}


def test_the_image_is_scanned_and_started() -> None:
    steps = JOBS["image"]["steps"]
    (scan,) = [step for step in steps if "trivy-action" in step.get("uses", "")]
    assert scan["with"]["exit-code"] == "1"
    said = commands(JOBS["image"])
    assert said.index("make build") < said.index("make up") < said.index("https://localhost/health/live")


def test_only_main_is_deployed_and_only_when_all_has_passed() -> None:
    deploy = JOBS["deploy"]
    assert deploy["needs"] == ["required"]
    assert deploy["if"] == "github.event_name == 'push' && github.ref == 'refs/heads/main'"
    assert deploy["environment"] == "production"
    assert deploy["concurrency"] == {"group": "deploy", "cancel-in-progress": False}


def test_on_main_one_run_follows_the_other_and_none_is_cut_off() -> None:
    assert CI["concurrency"] == {
        "group": "${{ github.workflow }}-${{ github.ref }}",
        "cancel-in-progress": "${{ github.ref != 'refs/heads/main' }}",
    }


def test_a_release_has_passed_all_of_it() -> None:
    assert RELEASE["on"] == {"push": {"tags": ["v*"]}}
    assert RELEASE["jobs"]["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert RELEASE["jobs"]["release"]["needs"] == ["ci"]


@pytest.mark.parametrize("workflow", [CI, RELEASE], ids=["ci", "release"])
def test_nothing_may_do_more_than_it_has_to(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    writes = {name for name, job in workflow["jobs"].items() if "write" in job.get("permissions", {}).values()}
    assert writes <= {"release"}
    assert "pull_request_target" not in workflow["on"]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values() if "uses" not in job)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_others_wrote_is_pinned_to_a_commit(file: Path) -> None:
    for used, version in re.findall(r"uses: (?!\./)(\S+)(.*)", file.read_text()):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used)
        assert re.fullmatch(r"  # v?\d+\.\d+\.\d+", version), "dependabot keeps the version beside it"


def test_every_target_that_is_called_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = [words for job in JOBS.values() for words in re.findall(r"\bmake ((?:[a-z]+ ?)+)", commands(job))]
    assert {target for words in called for target in words.split()} <= targets


def test_every_secret_and_variable_is_documented_with_its_environment() -> None:
    kinds = {"secrets": "secret", "vars": "variable"}
    used = {
        ("any" if name == "GITHUB_TOKEN" else job["environment"], name, kinds[kind])
        for job in (*JOBS.values(), *RELEASE["jobs"].values())
        for kind, name in re.findall(r"\b(secrets|vars)\.(\w+)", str(job))
    }
    table = re.findall(
        r"^\| (\w+) \| (\w+) \| (secret|variable) \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE
    )
    assert len(table) == len(used)
    assert set(table) == used


def test_every_kind_of_dependency_is_renewed() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    assert {one["package-ecosystem"] for one in updates} == {"pip", "github-actions", "docker", "docker-compose"}


def test_the_notes_of_a_release_are_its_section_of_the_changelog(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "changelog.py").write_text((ROOT / ".ci" / "changelog.py").read_text())
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(
        "# C\n\n## [Unreleased]\n\n- new\n\n## [1.2.3] - 2026-11-26\n\n- ours\n\n## [1.2.2]\n\n- old\n"
    )

    def run(tag: str) -> tuple[int, str]:
        program = [sys.executable, tmp_path / ".ci" / "changelog.py", tag]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout or done.stderr

    assert run("v1.2.3") == (0, "- ours\n")
    assert run("v1.2.4") == (1, "The tag is v1.2.4, but pyproject.toml is at 1.2.3.\n")
    changelog.write_text("# C\n\n## [Unreleased]\n")
    assert run("v1.2.3") == (1, "CHANGELOG.md has no section ## [1.2.3].\n")
