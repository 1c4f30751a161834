"""Every test that the document on security names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_measure_names_a_test_that_exists() -> None:
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    existing = set(re.findall(r"def (test_\w+)\(", written))
    document = (ROOT / "docs" / "security.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", document))
    assert named
    assert named - existing == set()
    threats = document.partition("## Threats")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (?!\*\*|Threat)(.*)$", threats, re.MULTILINE):
        assert "`test_" in row, row


def test_the_chapters_stand_in_the_order_of_the_standard() -> None:
    document = (ROOT / "docs" / "security.md").read_text()
    chapters = [int(number) for number in re.findall(r"^\| \*\*V(\d+) ", document, re.MULTILINE)]
    left_out = [int(number) for number in re.findall(r"\bV(\d+) \(", document)]
    assert chapters == sorted(set(chapters))
    # ASVS 5.0 has 17; what Signalist does not have is said below the table.
    assert sorted([*chapters, *left_out]) == list(range(1, 18))
