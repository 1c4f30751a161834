"""Revisions, the newest first, each with what it runs, locks and loses."""

from collections.abc import Sequence

from core.migrations.story import Story
from core.phrases import listed
from dashboard.components.html import Text, box, prose
from dashboard.components.operation_plan import danger_banner


def revision_list(stories: Sequence[Story], current: str | None) -> None:
    """Draws it, here."""
    for story in reversed(stories):
        with box("details", "revision") as details:
            if not story.applied:
                details.props["open"] = True
            with box("summary"):
                Text("span", _word(story, current), f"pill {_tone(story, current)}")
                Text("span", story.id, "lede")
                Text("span", story.summary)
            _facts(story)
            if story.sql:
                Text("pre", "\n".join(f"{statement.rstrip(';')};" for statement in story.sql))


def _facts(story: Story) -> None:
    for danger in story.dangers if not story.applied else ():
        danger_banner(danger)
    with box("table", "plain pairs"), box("tbody"):
        facts = [
            ("Locks", story.lock_words),
            ("Loses", listed(story.loses) or "nothing"),
            ("Way back", story.way_back),
        ]
        if story.findings is None:
            facts.append(("squawk", "could not be run here"))
        else:
            facts += [("squawk", f"{f.message} {f.help or ''}".strip()) for f in story.findings if not story.applied]
        for name, said in facts:
            with box("tr"):
                Text("th", name).props("scope=row")
                prose("td", said)


def _word(story: Story, current: str | None) -> str:
    if not story.applied:
        return "pending"
    return "● current" if story.id == current else "done"


def _tone(story: Story, current: str | None) -> str:
    if not story.applied:
        return "run"
    return "ok" if story.id == current else ""
