"""What the documentation tells people to type exists."""

import re
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from core.migrations import MigrationStatus, Revision
from core.pipeline.search import SearchHit
from core.queries.failed_groups import FailedGroup
from core.queries.failed_list import FailedRow
from core.queries.failed_show import FailedJobStory
from core.queries.feeds import FeedRow
from core.queries.records import RecordRow
from core.queries.sessions import SessionRow
from core.queries.tokens import TokenRow
from core.queries.users import UserRow
from core.queues import QueueDepth
from dashboard import main
from dashboard.api import app as api
from dashboard.cli.app import VERBS

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
# Typed text stands between backticks or on an indented line.
CODE = re.compile(r"`([^`\n]+)`|^ {4}(.+)$", re.MULTILINE)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


SETTINGS = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
# What CI is given, tests/test_ci.py has the rest of it.
for workflow in (ROOT / ".github" / "workflows").glob("*.yml"):
    SETTINGS.update(re.findall(r"\b(?:secrets|vars)\.(\w+)", workflow.read_text()))
PATHS = {
    *main.PAGES,
    *(api.PATH + path for path in api.create().openapi()["paths"]),
    *("/health", "/health/live", "/health/ready", "/metrics", "/login"),
    *("/api", "/api/v1", "/api/openapi.json"),
}


def typed(page: Path) -> list[str]:
    return [inline or block for inline, block in CODE.findall(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    for line in typed(page):
        for target in re.findall(r"\bmake ([a-z-]+)", line):
            assert target in TARGETS, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    for line in typed(page):
        for verb, word in re.findall(r"\bsignalist ([a-z]+)(?: ([a-z]+)\b)?", line):
            assert verb in VERBS, line
            command = get_command(import_module(f"dashboard.cli.{VERBS[verb].module}").app)
            if isinstance(command, TyperGroup) and word:
                assert word in command.commands, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_that_is_named_exists(page: Path) -> None:
    for line in typed(page):
        for verb, word, option in re.findall(r"\bsignalist ([a-z]+)(?: ([a-z]+))?[^#|]*? (--[a-z-]+)", line):
            command = get_command(import_module(f"dashboard.cli.{VERBS[verb].module}").app)
            if isinstance(command, TyperGroup) and word in command.commands:
                command = command.commands[word]
            options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
            assert option in options, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_that_is_linked_exists(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        if "://" not in target:
            there = page.parent / target if target else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


SHAPES = {
    "queues": QueueDepth,
    "feeds list": FeedRow,
    "search": SearchHit,
    "failed list": FailedRow,
    "failed show ID": FailedJobStory,
    "failed groups": FailedGroup,
    "users list": UserRow,
    "sessions list": SessionRow,
    "tokens list": TokenRow,
    "record": RecordRow,
    "db status": MigrationStatus,
    "db history": Revision,
}


@pytest.mark.parametrize("verb", SHAPES)
def test_the_json_of_a_verb_is_documented_field_by_field(verb: str) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    (section,) = re.findall(
        rf'^`signalist {verb}(?: "words")? --json`(.*?)(?=^`signalist|\Z)', page, re.MULTILINE | re.DOTALL
    )
    assert re.findall(r'"(\w+)":', section) == [field.name for field in fields(SHAPES[verb])]


def test_every_verb_and_every_make_target_stands_in_its_table() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    assert re.findall(r"^\| `signalist ([a-z ]+)` \| (.+) \|$", page, re.MULTILINE) == list(verbs())
    targets = re.findall(r"^([a-z-]+):.*## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert re.findall(r"^\| `make ([a-z-]+)` \| (.+) \|$", page, re.MULTILINE) == targets


def verbs() -> Iterator[tuple[str, str]]:
    """Each verb as it is typed, and the first line of its help."""
    for name, verb in VERBS.items():
        command = get_command(import_module(f"dashboard.cli.{verb.module}").app)
        if isinstance(command, TyperGroup):
            yield from ((f"{name} {word}", first_line(each.help)) for word, each in command.commands.items())
        if not isinstance(command, TyperGroup) or command.invoke_without_command:
            yield name, verb.summary if isinstance(command, TyperGroup) else first_line(command.help)


def first_line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]


def test_every_route_of_the_api_stands_in_its_table_with_the_role_that_it_needs() -> None:
    routes = {
        (f"{method.upper()} {api.PATH}{path}", route["x-least-role"], route["summary"])
        for path, methods in api.create().openapi()["paths"].items()
        for method, route in methods.items()
    }
    page = (ROOT / "docs" / "api.md").read_text()
    assert set(re.findall(r"^\| `([A-Z]+ /\S+)` \| (\w+) \| (.+) \|$", page, re.MULTILINE)) == routes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_every_setting_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    for path in re.findall(r"`(?:[A-Z]+ )?(/[a-z][\w/{}.-]*)`", text):
        assert path in PATHS, path
    for setting in re.findall(r"(?<![\w-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b", text):
        assert setting in SETTINGS, setting


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_line_of_prose_is_wider_than_120(page: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_make_help_lists_every_target() -> None:
    explained = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert explained == {target for target in TARGETS if not target.startswith("installed")}
