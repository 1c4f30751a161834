"""What an open page may still do after its session has changed."""

import asyncio
import datetime as dt
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from nicegui import Client
from nicegui.testing import User

from core.access import Role, on_this_machine
from core.accounts import people
from core.errors import NotLoggedIn
from dashboard import presence
from dashboard.presence import acting_user, current_user

if TYPE_CHECKING:
    from tests.dashboard.conftest import Site

ROOT = on_this_machine("root")


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks who is still logged in, so that a page outlives its session and has to be refused by itself."""
    monkeypatch.setattr(presence, "EVERY_S", 3600)


async def closes(client: Client) -> None:
    deadline = time.monotonic() + 2
    while not client.is_deleted:
        if time.monotonic() > deadline:
            pytest.fail("The page is still open after two seconds.")
        await asyncio.sleep(0.02)


def outcomes(url: str, actor: str) -> list[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "select action, outcome from records where actor = %s and action <> 'log in' order by id", [actor]
        ).fetchall()


async def open_queues(site: "Site", name: str) -> User:
    user = await site.person(Role.OPERATOR, name)
    await user.open("/queues")
    await user.should_see("Pause")
    return user


async def test_a_handler_asks_for_the_role_that_holds_now(slow: None, site: "Site", database_url: str) -> None:
    user = await open_queues(site, "otto")
    await people.change_role(site.context.database, ROOT, "cli", name="otto", role=Role.VIEWER)
    user.find("Pause").click()
    await user.should_see("you need the role operator")
    assert set(outcomes(database_url, "otto")) == {("pause queue", "refused")}


async def test_a_handler_of_a_session_that_has_ended_does_nothing(slow: None, site: "Site", database_url: str) -> None:
    user = await open_queues(site, "otto")
    await people.disable(site.context.database, ROOT, "cli", name="otto", now=dt.datetime.now(dt.UTC))
    user.find("Pause").click()
    await user.should_see("Your session has ended")
    assert outcomes(database_url, "otto") == []


async def test_handlers_know_who_acts_and_from_where(slow: None, site: "Site") -> None:
    user = await site.person(Role.OPERATOR, "otto")
    with await user.open("/"):
        acting = await acting_user()
        assert (acting.name, acting.role, acting.address) == ("otto", Role.OPERATOR, "127.0.0.1")
        assert current_user() == acting
        await people.disable(site.context.database, ROOT, "cli", name="otto", now=dt.datetime.now(dt.UTC))
        with pytest.raises(NotLoggedIn):
            await acting_user()


async def test_pages_of_a_session_that_ends_close_and_others_stay(site: "Site") -> None:
    otto, olga = await site.person(Role.OPERATOR, "otto"), await site.person(Role.OPERATOR, "olga")
    his, hers = await otto.open("/"), await olga.open("/")
    await people.disable(site.context.database, ROOT, "cli", name="otto", now=dt.datetime.now(dt.UTC))
    await closes(his)
    assert not hers.is_deleted


async def test_a_page_that_was_closed_before_its_session_ended_is_deleted_once(site: "Site") -> None:
    page = await (await site.person(Role.OPERATOR, "otto")).open("/")
    page.handle_disconnect(next(iter(page._socket_to_document_id)))
    (later,) = page._delete_tasks.values()
    await people.disable(site.context.database, ROOT, "cli", name="otto", now=dt.datetime.now(dt.UTC))
    await closes(page)
    # Or it would fail, and be logged as an error with its trace.
    with pytest.raises(asyncio.CancelledError):
        await later


async def test_logging_out_in_a_page_closes_every_page_of_that_browser(slow: None, site: "Site") -> None:
    user = await site.person(Role.OPERATOR, "otto")
    first, second = await user.open("/"), await user.open("/feeds")
    with second:
        await presence.log_out()
    assert first.is_deleted
    assert second.is_deleted
    assert (await user.http_client.get("/api/v1/me")).status_code == 401
