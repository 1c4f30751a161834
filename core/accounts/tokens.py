"""Keys for programs: made, listed, revoked, and who holds one."""

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass, field

from core.access import PROGRAM, Action, Role, User, require
from core.accounts.logins import SEEN_EVERY, fingerprint
from core.accounts.names import LONGEST, account_name, normal
from core.db import Database
from core.errors import BadRequest, NotFound
from core.queries import tokens
from core.queries.tokens import TokenRow
from core.recording import Face, recorded

# Scanners for leaked secrets, and our own logs, know it by this.
PREFIX = "signalist_"


@dataclass(frozen=True)
class NewToken:
    """A token that was just made. `secret` is shown once and stored nowhere."""

    token: TokenRow
    secret: str = field(repr=False)


async def create(
    database: Database,
    by: User | None,
    face: Face,
    *,
    name: str,
    role: Role,
    now: dt.datetime,
    lifetime: dt.timedelta | None = None,
) -> NewToken:
    """A token with that role, valid for `lifetime`, or until it is revoked."""
    target = normal(name)[:LONGEST]
    secret = PREFIX + secrets.token_urlsafe(32)
    async with recorded(database, by, face, Action.MANAGE_TOKENS, target, change="created", role=role) as recording:
        name = account_name(name)
        if lifetime is not None and lifetime <= dt.timedelta():
            raise BadRequest("A token has to be valid for some time.")
        try:
            expires_at = now + lifetime if lifetime else None
        except OverflowError:
            raise BadRequest("No calendar goes that far: leave the days out.") from None
        row = await tokens.add(
            recording.session,
            token_hash=fingerprint(secret),
            name=name,
            role=role,
            created_by=recording.user.name,
            expires_at=expires_at,
        )
        recording.details["id"] = str(row.id)
    return NewToken(row, secret)


async def everything(database: Database, by: User | None) -> tuple[TokenRow, ...]:
    """Every token, revoked ones too, the newest first."""
    require(by, Action.MANAGE_TOKENS)
    async with database.session() as session:
        return await tokens.everything(session)


async def revoke(database: Database, by: User | None, face: Face, *, token_id: uuid.UUID, now: dt.datetime) -> None:
    """From the next request on the token opens nothing. Raises NotFound when it did not before."""
    async with recorded(database, by, face, Action.MANAGE_TOKENS, str(token_id), change="revoked") as recording:
        if not await tokens.revoke(recording.session, token_id, now):
            raise NotFound("There is no such token, or it was revoked before.")


async def bearer(database: Database, secret: str, *, address: str | None, now: dt.datetime) -> User | None:
    """Who holds this token; None when it opens nothing."""
    async with database.session() as session:
        row = await tokens.bearer(session, fingerprint(secret), now)
        if row is None:
            return None
        if row.last_used_at is None or now - row.last_used_at >= SEEN_EVERY:
            await tokens.used(session, row.id, now)
    return User(row.id, f"{PROGRAM}{row.name}", row.role, address)
