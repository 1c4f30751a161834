"""Logging in, staying in, and being out."""

import asyncio
import datetime as dt
import statistics
import time
import uuid

import psycopg
import pytest

from core.access import Role, User, on_this_machine
from core.accounts import logins, people
from core.accounts.logins import NewLogin, TooManyAttempts, WrongLogin
from core.accounts.throttle import ADDRESS_LIMIT, ADDRESS_PAUSE, FREE, Origin
from core.db import Database

PASSWORD = "correct horse battery staple"
NOW = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)
HERE = Origin("192.0.2.7")
ROOT = on_this_machine("root")


def later(**kwargs: float) -> dt.datetime:
    return NOW + dt.timedelta(**kwargs)


@pytest.fixture
async def otto(database: Database) -> uuid.UUID:
    return await people.add(database, ROOT, "cli", name="otto", role=Role.OPERATOR, password=PASSWORD)


async def log_in(
    database: Database,
    password: str = PASSWORD,
    *,
    name: str = "otto",
    origin: Origin = HERE,
    now: dt.datetime = NOW,
    replaces: str | None = None,
) -> NewLogin:
    return await logins.log_in(
        database, name=name, password=password, origin=origin, user_agent="Browser/1", replaces=replaces, now=now
    )


async def fail(database: Database, *, name: str = "otto", origin: Origin = HERE, now: dt.datetime = NOW) -> None:
    with pytest.raises(WrongLogin):
        await log_in(database, "wrong", name=name, origin=origin, now=now)


async def test_the_right_password_opens_a_session(database: Database, otto: uuid.UUID) -> None:
    new = await log_in(database, name=" Otto ")
    assert new.login.user == User(otto, "otto", Role.OPERATOR)
    found = await logins.by_token(database, new.token, address="192.0.2.8", now=later(minutes=1))
    assert found is not None
    assert found.id == new.login.id
    assert found.user.address == "192.0.2.8"


async def test_neither_password_nor_token_is_stored_or_shown(
    database: Database, database_url: str, otto: uuid.UUID
) -> None:
    new = await log_in(database)
    assert new.token not in repr(new)
    with psycopg.connect(database_url) as connection:
        everything = str(connection.execute("select s, u, r from sessions s, users u, records r").fetchall())
    assert new.token not in everything
    assert PASSWORD not in everything
    assert "$argon2id$" in everything


async def test_the_answer_is_the_same_for_a_wrong_name_a_wrong_password_and_a_disabled_account(
    database: Database, otto: uuid.UUID
) -> None:
    await people.add(database, ROOT, "cli", name="gone", role=Role.VIEWER, password=PASSWORD)
    await people.disable(database, ROOT, "cli", name="gone", now=NOW)
    sentences = set()
    for name, password in (("otto", "wrong"), ("nobody", PASSWORD), ("gone", PASSWORD)):
        with pytest.raises(WrongLogin) as refused:
            await log_in(database, password, name=name)
        sentences.add(str(refused.value))
    assert sentences == {"The name or the password is wrong."}


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(database: Database, otto: uuid.UUID) -> None:
    async def seconds(name: str, attempt: int) -> float:
        # Of the processor, which whatever else the machine does has no part in.
        started = time.process_time()
        await fail(database, name=name, origin=Origin(f"192.0.2.{attempt}"))
        return time.process_time() - started

    await seconds("otto", 250)
    known, unknown = [], []
    for attempt in range(7):
        known.append(await seconds("otto", attempt))
        unknown.append(await seconds("nobody", attempt))
    # Hashing takes most of the time, and nearly none is spent where it is left out.
    assert statistics.median(unknown) == pytest.approx(statistics.median(known), rel=0.4)


async def test_hashing_does_not_hold_up_the_event_loop(database: Database, otto: uuid.UUID) -> None:
    # Of the processor: of this thread, in which the loop is, and of all of them.
    here, everywhere = time.thread_time(), time.process_time()
    await asyncio.gather(*(fail(database, origin=Origin(f"192.0.2.{n}")) for n in range(4)))
    here, everywhere = time.thread_time() - here, time.process_time() - everywhere
    assert here < everywhere / 2


async def test_a_guesser_has_to_wait_and_does_not_even_learn_that_a_guess_was_right(
    database: Database, otto: uuid.UUID
) -> None:
    for _ in range(FREE):
        await fail(database)
    with pytest.raises(TooManyAttempts) as refused:
        await log_in(database)
    assert refused.value.retry_after == 1.0
    assert (await log_in(database, now=later(seconds=1))).login.user.name == "otto"


async def test_a_hundred_guesses_at_once_count_as_a_hundred(database: Database, otto: uuid.UUID) -> None:
    async def attempt() -> type[BaseException] | None:
        try:
            await log_in(database, "wrong")
        except (WrongLogin, TooManyAttempts) as error:
            return type(error)
        return None

    outcomes = await asyncio.gather(*(attempt() for _ in range(10)))
    assert outcomes.count(WrongLogin) == FREE
    assert outcomes.count(TooManyAttempts) == 10 - FREE


async def test_success_forgets_the_failures_before_it(database: Database, otto: uuid.UUID) -> None:
    for _ in range(FREE - 1):
        await fail(database)
    await log_in(database)
    for _ in range(FREE - 1):
        await fail(database)
    await log_in(database)


async def test_an_attacker_elsewhere_does_not_lock_an_admin_out(database: Database, otto: uuid.UUID) -> None:
    for n in range(FREE * 4):
        await fail(database, origin=Origin(f"203.0.113.{n // FREE}"))
    assert (await log_in(database)).login.user.name == "otto"


async def test_an_attacker_behind_the_same_address_does_not_lock_out_a_browser_that_is_known(
    database: Database, otto: uuid.UUID
) -> None:
    for n in range(ADDRESS_LIMIT):
        await fail(database, name=f"guess{n}")
    with pytest.raises(TooManyAttempts) as refused:
        await log_in(database)
    assert refused.value.retry_after == ADDRESS_PAUSE.total_seconds()
    known = Origin(HERE.address, device="d1")
    assert (await log_in(database, origin=known)).login.user.name == "otto"
    assert (await log_in(database, now=NOW + ADDRESS_PAUSE)).login.user.name == "otto"


async def test_a_new_password_from_the_command_line_lifts_every_delay(database: Database, otto: uuid.UUID) -> None:
    for _ in range(FREE):
        await fail(database)
    await people.give_password(database, ROOT, "cli", name="otto", password="a wholly new password")
    assert (await log_in(database, "a wholly new password")).login.user.name == "otto"


async def test_the_token_changes_at_login_and_the_old_one_opens_nothing(database: Database, otto: uuid.UUID) -> None:
    first = await log_in(database)
    second = await log_in(database, replaces=first.token)
    assert first.token != second.token
    assert await logins.by_token(database, first.token, address=None, now=NOW) is None
    assert await logins.by_token(database, second.token, address=None, now=NOW) is not None


async def test_a_session_ends_after_twelve_hours_without_a_sign_of_life(database: Database, otto: uuid.UUID) -> None:
    token = (await log_in(database)).token
    assert await logins.by_token(database, token, address=None, now=later(hours=11)) is not None
    assert await logins.by_token(database, token, address=None, now=later(hours=22)) is not None
    assert await logins.by_token(database, token, address=None, now=later(hours=34)) is None


async def test_a_session_ends_after_a_week_however_busy_it_is(database: Database, otto: uuid.UUID) -> None:
    token = (await log_in(database)).token
    for hours in range(11, 7 * 24, 11):
        assert await logins.by_token(database, token, address=None, now=later(hours=hours)) is not None
    assert await logins.by_token(database, token, address=None, now=later(days=7)) is None


async def test_last_seen_is_written_once_a_minute_at_most(
    database: Database, database_url: str, otto: uuid.UUID
) -> None:
    token = (await log_in(database)).token

    def last_seen() -> dt.datetime:
        with psycopg.connect(database_url) as connection:
            row = connection.execute("select last_seen_at from sessions").fetchone()
        assert row is not None
        return row[0]

    await logins.by_token(database, token, address=None, now=later(seconds=59))
    assert last_seen() == NOW
    await logins.by_token(database, token, address=None, now=later(seconds=60))
    assert last_seen() == later(seconds=60)


async def test_logging_out_ends_that_session_only(database: Database, otto: uuid.UUID) -> None:
    mine, other = await log_in(database), await log_in(database)
    await logins.log_out(database, mine.login)
    assert set(await logins.open_ones(database, [mine.login.id, other.login.id], now=NOW)) == {other.login.id}


async def test_every_login_leaves_a_record_and_a_mistyped_name_does_not(
    database: Database, database_url: str, otto: uuid.UUID
) -> None:
    await fail(database)
    await fail(database, name=PASSWORD)
    await logins.log_out(database, (await log_in(database)).login)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select actor, action, outcome from records where action like 'log %' order by id"
        ).fetchall()
        kept = str(connection.execute("select * from login_failures").fetchall())
    assert rows == [
        ("otto", "log in", "refused"),
        ("someone", "log in", "refused"),
        ("otto", "log in", "done"),
        ("otto", "log out", "done"),
    ]
    assert PASSWORD not in kept


async def test_the_first_admin_is_made_once(database: Database) -> None:
    passwords = await asyncio.gather(*(people.ensure_first_admin(database) for _ in range(3)))
    (password,) = filter(None, passwords)
    assert (await log_in(database, password, name="admin")).login.user.role is Role.ADMIN
    assert await people.ensure_first_admin(database) is None
