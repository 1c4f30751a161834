"""Keys for programs."""

import datetime as dt
import uuid

import psycopg
import pytest

from core.access import Role, User, on_this_machine
from core.accounts import tokens
from core.accounts.tokens import PREFIX, NewToken
from core.db import Database
from core.errors import BadRequest, Forbidden, NotFound
from core.redaction import redact

NOW = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)
ROOT = on_this_machine("root")


async def create(database: Database, role: Role = Role.OPERATOR, lifetime: dt.timedelta | None = None) -> NewToken:
    return await tokens.create(database, ROOT, "cli", name="ci", role=role, now=NOW, lifetime=lifetime)


async def test_a_token_opens_the_door_with_its_role_until_it_is_revoked(database: Database) -> None:
    new = await create(database)
    bearer = await tokens.bearer(database, new.secret, address="192.0.2.7", now=NOW)
    assert bearer == User(new.token.id, "token ci", Role.OPERATOR)
    await tokens.revoke(database, ROOT, "cli", token_id=new.token.id, now=NOW)
    assert await tokens.bearer(database, new.secret, address=None, now=NOW) is None
    with pytest.raises(NotFound):
        await tokens.revoke(database, ROOT, "cli", token_id=new.token.id, now=NOW)


async def test_a_token_expires(database: Database) -> None:
    new = await create(database, lifetime=dt.timedelta(days=1))
    assert await tokens.bearer(database, new.secret, address=None, now=NOW + dt.timedelta(hours=23)) is not None
    assert await tokens.bearer(database, new.secret, address=None, now=NOW + dt.timedelta(days=1)) is None
    with pytest.raises(BadRequest):
        await create(database, lifetime=dt.timedelta())
    with pytest.raises(BadRequest, match="No calendar goes that far"):
        await create(database, lifetime=dt.timedelta.max)


async def test_the_secret_is_shown_once_and_stored_nowhere(database: Database, database_url: str) -> None:
    new = await create(database)
    assert new.secret.startswith(PREFIX)
    assert new.secret not in repr(new)
    with psycopg.connect(database_url) as connection:
        assert new.secret not in str(connection.execute("select t, r from api_tokens t, records r").fetchall())


async def test_the_list_says_when_a_token_was_used(database: Database) -> None:
    new = await create(database)
    await tokens.bearer(database, new.secret, address=None, now=NOW)
    await tokens.bearer(database, new.secret, address=None, now=NOW + dt.timedelta(seconds=30))
    (row,) = await tokens.everything(database, ROOT)
    assert (row.name, row.role, row.created_by, row.last_used_at) == ("ci", Role.OPERATOR, "root", NOW)


async def test_only_an_admin_makes_lists_and_revokes_tokens(database: Database) -> None:
    operator = User(uuid.uuid4(), "otto", Role.OPERATOR)
    for attempt in (
        tokens.create(database, operator, "api", name="mine", role=Role.ADMIN, now=NOW),
        tokens.everything(database, operator),
        tokens.revoke(database, operator, "api", token_id=uuid.uuid4(), now=NOW),
    ):
        with pytest.raises(Forbidden):
            await attempt


async def test_a_token_that_gets_into_the_log_is_blacked_out(database: Database) -> None:
    secret = (await create(database)).secret
    assert secret not in redact(f"GET /api/v1/feeds with {secret}")
