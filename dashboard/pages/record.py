"""Who did what, from where, to what, and how it went."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core import record as verbs
from core.access import Action
from core.errors import Unavailable
from core.queries.count import Count
from core.record import View
from dashboard import acting, shell
from dashboard.components.export_menu import ExportMenu
from dashboard.components.forms import choice, day_filter, filters, text_filter
from dashboard.components.html import Text, box, link
from dashboard.components.pager import pager
from dashboard.components.part import PROMPT_S, Part
from dashboard.components.record_address import OUTCOMES, PATH, SPANS, RecordAddress
from dashboard.components.record_table import record_table
from dashboard.context import context
from dashboard.guard import acting_user, current_user

PAGE = 50
LEDE = "Who did what, from where, to what, and how it went. Nobody can change what stands here."


async def record(
    *,
    q: str = "",
    actor: str = "",
    action: str = "",
    outcome: str = "",
    within: str = "",
    until: str = "",
    after: str = "",
) -> None:
    if not acting.allowed(Action.READ_RECORD):
        with shell.frame(PATH, "Record", LEDE), box("section", "card blank"):
            Text("h2", "The record is read by operators and admins")
            Text("p", f"You are {current_user().role}. An admin can change that on the page Access.", "mute")
        return
    asked = RecordAddress.read(
        text=q, actor=actor, action=action, outcome=outcome, within=within, until=until, after=after
    )
    everyone = await _everyone()
    with shell.frame(PATH, "Record", LEDE) as frame:
        _bar(asked, everyone)
        shown = _List(asked, frame.heading)
        part = Part(frame, shown.read, shown.draw, shown.update)
    # Anybody's next action is a change: looked for with every snapshot, as far as the part allows.
    part.follow(frame, lambda snapshot: snapshot.at)
    await part.open()


async def _everyone() -> Sequence[str]:
    """Never late and never a failure: without them a page has one filter less, and says elsewhere what is wrong."""
    try:
        async with asyncio.timeout(PROMPT_S):
            return await verbs.actors(context().database, current_user())
    except (TimeoutError, Unavailable):
        return ()


def _bar(asked: RecordAddress, everyone: Sequence[str]) -> None:
    with box(classes="bar tight"):
        with filters(PATH):
            choice("actor", asked.actor, "Who", _options("who", everyone, asked.actor))
            choice("action", asked.action, "Action", _options("action", [a.value for a in Action], asked.action))
            choice("outcome", asked.outcome, "Outcome", _options("outcome", OUTCOMES, asked.outcome))
            choice("within", asked.within, "How far back", {hours: f"time: {words}" for hours, words in SPANS.items()})
            day_filter("until", str(asked.until or ""), "Up to the day")
            text_filter("q", asked.text, "Target, address or detail", most=200)
        if asked.first != RecordAddress():
            link("Show all", PATH, "btn")
        box(classes="space")
        ExportMenu(PATH, asked.parameters)


def _options(kind: str, values: Sequence[str], chosen: str) -> Mapping[str, str]:
    options = {"": f"{kind}: any"} | {value: value for value in values}
    return options if chosen in options else options | {chosen: chosen}


class _List:
    """The rows of this page. They stay where they are: what comes meanwhile is announced."""

    def __init__(self, asked: RecordAddress, heading: Text) -> None:
        self._asked, self._heading = asked, heading
        self._newest: int | None = None
        self._news = link("", asked.first.url, "news")
        self._news.set_visibility(False)

    async def read(self) -> View | Count:
        chosen, user = self._asked.filter(acting.now()), await acting_user()
        if self._newest is None:
            return await verbs.view(context().database, user, chosen, after=self._asked.after, limit=PAGE)
        return await verbs.newer(context().database, user, chosen, self._newest)

    def draw(self, found: View | Count) -> None:
        if isinstance(found, Count):
            return
        self._newest = found.newest
        page, asked = found.page, self._asked
        self._heading.say(headline(asked, found.count))
        if page.rows:
            record_table(page.rows, lambda actor: replace(RecordAddress(), actor=actor).url)
        elif page.searched is None:
            _nothing(asked)
        else:
            with box("section", "card blank"):
                Text("h2", f"None of the latest {page.searched:,} matches")
                Text("p", "Older ones may. A person, an action or a time narrows the search.", "mute")
        if page.rows or page.next:
            with box(classes="foot"):
                pager(
                    _extent(len(page.rows), found.count, page.searched),
                    first=asked.first.url if asked.after else None,
                    following=(_onward(page.searched), replace(asked, after=page.next).url) if page.next else None,
                )

    def update(self, found: View | Count) -> bool:
        if not isinstance(found, Count):
            return False
        self._news.say(f"↑ {found} new: show")
        self._news.set_visibility(found.value > 0)
        return True


def headline(asked: RecordAddress, count: Count) -> str:
    """`1,284 actions on record`, `3 actions on record match`."""
    if asked.first == RecordAddress():
        return f"{count.of('action')} on record" if count.value else "Record"
    return f"{count.of('action')} on record {'matches' if count == Count(1) else 'match'}"


def _extent(rows: int, count: Count, searched: int | None) -> str:
    if searched is not None:
        return f"{rows} found in {searched:,} that were looked through"
    return f"{rows} of {count.of('action')}"


def _onward(searched: int | None) -> str:
    return f"Older {PAGE}" if searched is None else "Look further back"


def _nothing(asked: RecordAddress) -> None:
    with box("section", "card blank"):
        if asked.after is not None:
            Text("h2", "There are no older ones")
            link("First page", asked.first.url, "btn")
        elif asked != RecordAddress():
            Text("h2", "Nothing in the record matches that")
            link("Show all", PATH, "btn")
        else:
            Text("h2", "Nobody has done anything yet")
            Text("p", "Whatever somebody does, or is kept from doing, stands here from then on.", "mute")
