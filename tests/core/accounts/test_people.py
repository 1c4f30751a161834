"""Adding people, taking rights away, and never losing the last admin."""

import asyncio
import datetime as dt
import threading
import uuid

import psycopg
import pytest

from core.access import Role, User, on_this_machine
from core.accounts import logins, passwords, people, sessions, tokens
from core.accounts.logins import NewLogin, TooManyAttempts, WrongLogin
from core.accounts.people import LastAdmin
from core.accounts.throttle import FREE, Origin
from core.db import Database
from core.errors import BadRequest, Conflict, Forbidden, NotFound, NotLoggedIn
from core.queries import sessions as sessions_
from core.queries import users

pytestmark = pytest.mark.usefixtures("cheap_passwords")

PASSWORD = "correct horse battery staple"
NOW = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)
ROOT = on_this_machine("root")
# More than a dashboard has connections.
MANY = 14
OPERATOR = User(uuid.uuid4(), "otto", Role.OPERATOR)


async def add(database: Database, name: str, role: Role = Role.VIEWER) -> uuid.UUID:
    return await people.add(database, ROOT, "cli", name=name, role=role, password=PASSWORD)


async def log_in(database: Database, name: str, password: str = PASSWORD) -> NewLogin:
    return await logins.log_in(
        database, name=name, password=password, origin=Origin("192.0.2.7"), user_agent=None, replaces=None, now=NOW
    )


async def still_open(database: Database, *sessions: NewLogin) -> list[bool]:
    found = await logins.open_ones(database, [s.login.id for s in sessions], now=NOW)
    return [s.login.id in found for s in sessions]


@pytest.mark.parametrize("by", [None, OPERATOR, User(uuid.uuid4(), "vera", Role.VIEWER)])
async def test_only_an_admin_manages_people_and_every_refusal_is_recorded(
    database: Database, database_url: str, by: User | None
) -> None:
    await add(database, "victim", Role.ADMIN)
    for attempt in (
        people.add(database, by, "api", name="new", role=Role.ADMIN, password=PASSWORD),
        people.disable(database, by, "api", name="victim", now=NOW),
        people.enable(database, by, "api", name="victim"),
        people.change_role(database, by, "api", name="victim", role=Role.VIEWER),
        people.give_password(database, by, "api", name="victim", password=PASSWORD),
        sessions.end(database, by, "api", session_id=uuid.uuid4()),
    ):
        with pytest.raises((Forbidden, NotLoggedIn)):
            await attempt
    for read in (people.everyone(database, by, now=NOW), sessions.of_everyone(database, by, now=NOW)):
        with pytest.raises((Forbidden, NotLoggedIn)):
            await read
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from records where outcome = 'refused'").fetchone() == (6,)
        assert connection.execute("select name from users").fetchall() == [("victim",)]


@pytest.mark.parametrize("name", ["", " ", "a b", "<b>x</b>", "../x", "x" * 65, "naïve", ".x", "x.", "a\nb", "a\0b"])
async def test_a_name_that_could_mislead_is_refused(database: Database, name: str) -> None:
    with pytest.raises(BadRequest, match="1 to 64 letters"):
        await add(database, name)


@pytest.mark.parametrize("password", ["", "short", "aaaaaaaaaaaaaaaaaaaa", "vera" * 5, "x" * 1025])
async def test_a_password_that_is_soon_guessed_is_refused(database: Database, password: str) -> None:
    with pytest.raises(BadRequest, match="password"):
        await people.add(database, ROOT, "cli", name="vera", role=Role.VIEWER, password=password)


async def test_a_name_is_given_once_whatever_its_letters_case(database: Database) -> None:
    await add(database, "vera")
    with pytest.raises(Conflict, match="vera already"):
        await add(database, "Vera")


async def test_who_is_disabled_is_out_and_who_is_enabled_can_log_in_again(database: Database) -> None:
    await add(database, "vera")
    session = await log_in(database, "vera")
    await people.disable(database, ROOT, "cli", name="vera", now=NOW)
    assert await still_open(database, session) == [False]
    await people.enable(database, ROOT, "cli", name="vera")
    assert await still_open(database, session) == [False]
    await log_in(database, "vera")


async def test_who_is_disabled_may_have_kept_tokens_and_that_is_said(database: Database, database_url: str) -> None:
    for name in ("vera", "ada"):
        await add(database, name, Role.ADMIN)
    hour = dt.timedelta(hours=1)
    for maker, made in (("vera", NOW), ("vera", NOW - 2 * hour), ("vera", NOW), ("ada", NOW)):
        by = User(None, maker, Role.ADMIN)
        new = await tokens.create(database, by, "api", name="ci", role=Role.ADMIN, now=made, lifetime=hour)
    await tokens.revoke(database, ROOT, "cli", token_id=new.token.id, now=NOW)
    assert await people.disable(database, ROOT, "cli", name="ada", now=NOW) == 0
    await add(database, "bob", Role.ADMIN)
    assert await people.disable(database, ROOT, "cli", name="Vera", now=NOW) == 2
    with psycopg.connect(database_url) as connection:
        query = "select details->>'valid_tokens' from records where details->>'change' = 'disabled' order by id"
        assert connection.execute(query).fetchall() == [("0",), ("2",)]
    assert people.disabled("vera", 0) == "vera is disabled, and every session of theirs has ended."
    assert people.disabled("vera", 2).endswith(
        " 2 tokens that they made are still valid: revoke what they may have kept."
    )


async def test_a_new_role_holds_in_sessions_that_are_open(database: Database) -> None:
    await add(database, "vera")
    session = await log_in(database, "vera")
    await people.change_role(database, ROOT, "cli", name="vera", role=Role.OPERATOR)
    found = await logins.open_ones(database, [session.login.id], now=NOW)
    assert found[session.login.id].user.role is Role.OPERATOR


async def test_a_new_password_ends_every_session_of_that_person_and_no_other(database: Database) -> None:
    await add(database, "vera")
    await add(database, "otto")
    hers, his = await log_in(database, "vera"), await log_in(database, "otto")
    await people.give_password(database, ROOT, "cli", name="vera", password="a wholly new password")
    assert await still_open(database, hers, his) == [False, True]


async def test_a_person_changes_their_own_password_and_stays_logged_in_here_only(database: Database) -> None:
    await add(database, "vera")
    here, elsewhere = await log_in(database, "vera"), await log_in(database, "vera")
    vera = here.login.user
    new = "a wholly new password"
    with pytest.raises(BadRequest, match="old password"):
        await people.change_own_password(database, vera, "browser", old="wrong", new=new, now=NOW)
    await people.change_own_password(database, vera, "browser", old=PASSWORD, new=new, keep=here.login.id, now=NOW)
    assert await still_open(database, here, elsewhere) == [True, False]
    await log_in(database, "vera", "a wholly new password")


async def test_an_open_session_is_no_place_to_guess_its_password(database: Database) -> None:
    await add(database, "vera")
    vera = (await log_in(database, "vera")).login.user

    async def guess(old: str, *, seconds: float = 0) -> None:
        now = NOW + dt.timedelta(seconds=seconds)
        await people.change_own_password(database, vera, "api", old=old, new="a wholly new password", now=now)

    for _ in range(FREE):
        with pytest.raises(BadRequest, match="old password"):
            await guess("wrong")
    with pytest.raises(TooManyAttempts):
        await guess(PASSWORD)
    # Nobody is kept from logging in by it.
    await log_in(database, "vera")
    await guess(PASSWORD, seconds=1)
    program = User(uuid.uuid4(), "token ci", Role.ADMIN)
    with pytest.raises(BadRequest, match="Only a person"):
        await people.change_own_password(database, program, "api", old="", new=PASSWORD, now=NOW)


async def test_more_people_than_connections_change_their_passwords_at_once(
    database: Database, database_url: str
) -> None:
    everybody = [User(await add(database, f"vera{number}"), f"vera{number}", Role.VIEWER) for number in range(MANY)]

    async def change(user: User, old: str) -> None:
        await people.change_own_password(database, user, "api", old=old, new="a wholly new password", now=NOW)

    answers = await asyncio.gather(*(change(user, "wrong") for user in everybody), return_exceptions=True)
    assert {str(answer) for answer in answers} == {"The old password is wrong."}
    await asyncio.gather(*(change(user, PASSWORD) for user in everybody))
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "select outcome, count(*) from records where action = 'change own password' group by 1 order by 1"
        ).fetchall()
    assert told == [("done", MANY), ("failed", MANY)]


async def test_what_was_begun_with_a_password_that_is_changed_meanwhile_comes_to_nothing(
    database: Database, database_url: str
) -> None:
    id_ = await add(database, "vera")
    vera, theirs, wanted = (
        User(id_, "vera", Role.VIEWER),
        await passwords.hashed("of an admin"),
        "of whoever knew the old",
    )
    busy = threading.Event()
    passwords._thread.submit(busy.wait)
    try:
        begun = [
            asyncio.create_task(log_in(database, "vera")),
            asyncio.create_task(people.change_own_password(database, vera, "api", old=PASSWORD, new=wanted, now=NOW)),
        ]
        # Both have read the old hash, and wait for their turn to compare with it.
        async with asyncio.timeout(10):
            while counted(database_url) < 3:
                await asyncio.sleep(0.02)
        async with database.session() as session:
            await users.set_password(session, id_, theirs)
            await sessions_.end_of_user(session, id_)
    finally:
        busy.set()
    assert [type(answer) for answer in await asyncio.gather(*begun, return_exceptions=True)] == [WrongLogin, Conflict]
    assert (await log_in(database, "vera", "of an admin")).login.user.name == "vera"


def counted(url: str) -> int:
    """Attempts under way: of the address, of the address at the account, and of the account at itself."""
    with psycopg.connect(url) as connection:
        (found,) = connection.execute("select count(*) from login_failures").fetchone()
    return found


async def test_a_person_ends_their_own_sessions_and_nobody_elses(database: Database, database_url: str) -> None:
    await add(database, "vera")
    await add(database, "otto", Role.OPERATOR)
    here, there, elsewhere = [await log_in(database, "vera") for _ in range(3)]
    his = await log_in(database, "otto")
    vera, otto = here.login.user, his.login.user
    assert {row.id for row in await sessions.own(database, vera, now=NOW)} == {
        session.login.id for session in (here, there, elsewhere)
    }
    await sessions.end(database, vera, "browser", session_id=there.login.id)
    assert await still_open(database, here, there, elsewhere) == [True, False, True]
    # Of others' sessions nobody learns so much as whether there are any.
    for id_ in (his.login.id, uuid.uuid4()):
        with pytest.raises(Forbidden):
            await sessions.end(database, vera, "api", session_id=id_)
    assert await sessions.end_others(database, vera, "browser", keep=here.login.id) == 1
    assert await still_open(database, here, elsewhere, his) == [True, False, True]
    with pytest.raises(Forbidden):
        await sessions.end_all_of(database, otto, "api", name="vera")
    assert await sessions.end_all_of(database, ROOT, "cli", name=" Vera ") == 1
    with pytest.raises(NotFound):
        await sessions.end_all_of(database, ROOT, "cli", name="nobody")
    assert await still_open(database, here, his) == [False, True]
    assert await sessions.own(database, ROOT, now=NOW) == ()
    assert await sessions.end_others(database, ROOT, "cli", keep=None) == 0
    with pytest.raises(NotLoggedIn):
        await sessions.own(database, None, now=NOW)
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "select actor, action, target, outcome from records where action like 'end%' and actor in ('vera', 'otto')"
            " order by id"
        ).fetchall()
    assert told[0] == ("vera", "end own sessions", "vera", "done")
    assert told[1] == ("vera", "end sessions", "otto", "refused")
    assert told[3:] == [("vera", "end own sessions", "vera", "done"), ("otto", "end sessions", "vera", "refused")]


async def test_the_last_admin_cannot_be_disabled_or_demoted(database: Database) -> None:
    await add(database, "ada", Role.ADMIN)
    with pytest.raises(LastAdmin):
        await people.disable(database, ROOT, "cli", name="ada", now=NOW)
    with pytest.raises(LastAdmin):
        await people.change_role(database, ROOT, "cli", name="ada", role=Role.VIEWER)
    await add(database, "bob", Role.ADMIN)
    await people.disable(database, ROOT, "cli", name="ada", now=NOW)


async def test_two_admins_who_demote_each_other_at_once_leave_one(database: Database) -> None:
    await add(database, "ada", Role.ADMIN)
    await add(database, "bob", Role.ADMIN)
    outcomes = await asyncio.gather(
        *(people.change_role(database, ROOT, "cli", name=name, role=Role.VIEWER) for name in ("ada", "bob")),
        return_exceptions=True,
    )
    assert sorted(type(outcome) for outcome in outcomes if outcome is not None) == [LastAdmin]


async def test_the_list_says_who_is_in(database: Database) -> None:
    await add(database, "vera")
    await add(database, "ada", Role.ADMIN)
    session = await log_in(database, "vera")
    ada, vera = await people.everyone(database, ROOT, now=NOW)
    assert (ada.name, ada.sessions, ada.last_seen_at) == ("ada", 0, None)
    assert (vera.name, vera.sessions, vera.last_seen_at) == ("vera", 1, NOW)
    (row,) = await sessions.of_everyone(database, ROOT, now=NOW)
    assert (row.id, row.user_name, row.address) == (session.login.id, "vera", "192.0.2.7")
    await sessions.end(database, ROOT, "cli", session_id=row.id)
    with pytest.raises(NotFound):
        await sessions.end(database, ROOT, "cli", session_id=row.id)


async def test_a_hash_is_never_in_a_repr(database: Database) -> None:
    await add(database, "vera")
    async with database.session() as session:
        account = await users.by_name(session, "vera")
    assert account is not None
    assert "argon2" not in repr(account)
