"""What deploy/ has for Prometheus and Grafana speaks of what /metrics says, and would load."""

import datetime as dt
import itertools
import json
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from core.health.queue import STUCK_S
from core.queries.failed_groups import FailedGroup
from core.queries.failure_tallies import Tally
from core.queries.index_measurements import Measurement
from core.queries.vector_index import VectorIndex
from core.queues import QUEUES, SchedulerBeat
from core.queues.tallies import BUCKETS, Histogram, Tallies
from core.reading import succeeded
from dashboard.api.metrics import Families
from dashboard.poller import Poller

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DEPLOYING = ROOT / "docs" / "deploy.md"
TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text())["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "signalist.json").read_text())
EXPRESSIONS = [rule["expr"] for rule in RULES]
EXPRESSIONS += [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
# What Prometheus itself adds to a target.
ITS_OWN, ITS_LABELS = {"up"}, {"job", "instance"}
WORDS = re.compile(r"\b(?:signalist_\w+|up)\b")


@pytest.fixture
async def exposed(site: "Site") -> dict[str, Metric]:
    """Every metric that there is, each with samples, as a parser of Prometheus' text reads it."""
    await site.has_read()
    snapshot = site.context.poller.latest
    now = dt.datetime.now(dt.UTC)
    read = snapshot.readings
    shape: Any = None
    index = VectorIndex("ix", shape, "vector_cosine_ops", None, False, True, 1, 1, 1, 1, None, None)
    group = FailedGroup("a" * 16, "ValueError", "m", ("crawl_feed",), 1, now, now, *(0,) * 4)
    measured = Measurement(now, "r", "ix", None, "s", "m", 1, 1, "s", 1, 1, 0.97, 0.9, 1.0, *(1.0,) * 5)
    full = replace(
        read,
        scheduler=succeeded(SchedulerBeat("s", 1), now, 1),
        newest_article=succeeded(now, now, 1),
        measured=succeeded(measured, now, 1),
        index=succeeded(replace(read.index.value, rows=1, indexes=(index,)), now, 1),
        failed=succeeded(replace(read.failed.value, groups=(group,), queues=(Tally("crawl", 1),)), now, 1),
    )
    poller = Poller(None)
    poller.latest, poller.took_s = replace(snapshot, readings=full), 0.1
    times = dict.fromkeys(QUEUES, Histogram(tuple(range(len(BUCKETS))), 1.5))
    registry = CollectorRegistry()
    registry.register(Families(poller, Tallies(times, times, {"new": 1}, {"text-embedding-3-small": 9})))
    parsed = list(text_string_to_metric_families(generate_latest(registry).decode()))
    assert all(family.samples for family in parsed)
    return {family.name: family for family in parsed}


def samples(exposed: dict[str, Metric]) -> dict[str, set[str]]:
    """The labels of everything that can be asked for by name."""
    found: dict[str, set[str]] = {}
    for family in exposed.values():
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


WANTED = (
    *(
        "queue_jobs",
        "queue_oldest_wait_seconds",
        "jobs_total",
        "job_wait_seconds_bucket",
        "job_duration_seconds_bucket",
    ),
    *("failed_jobs_by_cause", "workers", "crawls_total", "embedding_tokens_total", "index_bytes", "index_recall"),
    *("operations", "poller_lag_seconds", "open_pages"),
)
# Names of workers, articles or addresses would be series without end. Of causes there are only the largest.
BOUNDED = {"queue", "state", "outcome", "status", "check", "server", "step", "result", "model", "index", "version"}
BOUNDED |= {"le", "cause", "exception"}


async def test_every_metric_and_label_that_is_named_exists_and_is_named_well(exposed: dict[str, Metric]) -> None:
    known = samples(exposed)
    for expression in EXPRESSIONS:
        names = set(WORDS.findall(expression))
        assert names, expression
        assert names <= set(known) | ITS_OWN, expression
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=(?!=))\s*\"", expression))
        for inside in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", expression):
            labels |= {label.strip() for label in inside.split(",")}
        assert labels <= ITS_LABELS.union(*(known.get(name, set()) for name in names)), expression

    for rule in RULES:
        has = set().union(*(known.get(name, set()) for name in WORDS.findall(rule["expr"])))
        used = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        assert used <= has, rule["alert"]

    for name, family in exposed.items():
        assert re.fullmatch(r"signalist_[a-z_]+", name)
        assert family.documentation.endswith("."), name
        assert not name.endswith(("_ms", "_mb", "_total"))
        assert (family.type == "counter") == family.samples[0].name.endswith("_total")
        assert {label for sample in family.samples for label in sample.labels} <= BOUNDED, name
        assert len(family.samples) <= len(QUEUES) * (len(BUCKETS) + 2), name

    for wanted in WANTED:
        assert f"signalist_{wanted}" in known
        assert any(f"signalist_{wanted}" in expression for expression in EXPRESSIONS)


def test_limits_are_those_of_the_screens() -> None:
    rules = {rule["alert"]: rule["expr"] for rule in RULES}
    assert f"> {STUCK_S:g} " in rules["SignalistJobsWait"]
    # Each index is held to what it was built for.
    assert rules["SignalistRecallLow"] == "signalist_index_recall < signalist_index_recall_wanted"


def test_every_alert_says_how_urgent_it_is_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook"}


def test_every_alert_leads_to_a_section_of_its_own_that_says_where_to_look_and_what_to_do() -> None:
    sections = re.split(r"^### (Signalist\w+)\n", TROUBLESHOOTING.read_text(), flags=re.MULTILINE)
    names, bodies = sections[1::2], sections[2::2]
    assert names == [rule["alert"] for rule in RULES]
    for rule, body in zip(RULES, bodies, strict=True):
        assert rule["annotations"]["runbook"] == f"docs/troubleshooting.md#{rule['alert'].lower()}"
        urgency = rule["labels"]["severity"].capitalize()
        assert re.match(rf"\n{urgency}\. .+?\n\n\* \*\*Look:\*\* .+?\n\* \*\*Do:\*\* .+", body, re.DOTALL), rule[
            "alert"
        ]


def test_what_the_documentation_says_turns_every_runbook_into_an_address() -> None:
    (told,) = re.findall(r"^    (sed '.+) > alerts.yml$", DEPLOYING.read_text(), re.MULTILINE)
    written = subprocess.run(shlex.split(told), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for rule, mine in zip(RULES, yaml.safe_load(written)["groups"][0]["rules"], strict=True):
        leads = f"https://git.example.org/signalist/{rule['annotations']['runbook']}"
        said = {name: text for name, text in rule["annotations"].items() if name != "runbook"}
        assert mine["annotations"] == said | {"runbook_url": leads}


@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
        ("check", "config", "--syntax-only", "scrape.yml"),
    ],
    ids=lambda words: words[-1],
)
def test_promtool_accepts(words: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("There is no promtool on this machine: install the package `prometheus` to check the alert rules.")
    done = subprocess.run([promtool, *words], cwd=ALERTS.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_every_expression_of_the_board(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("There is no promtool on this machine: install the package `prometheus` to check the board.")
    rules = [
        {"record": f"board:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "board.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_board_would_load() -> None:
    panels = BOARD["panels"]
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(BOARD)
    assert "id" not in BOARD, "Grafana gives it one; a foreign one is refused"
    (variable,) = BOARD["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == ("datasource", "datasource", "prometheus")
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    for panel in panels:
        assert panel["type"] in {"stat", "timeseries"}
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        for where in (panel, *panel["targets"]):
            assert where["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert not cells & taken, panel["title"]
        taken |= cells
