"""`/tokens`: keys for programs."""

import datetime as dt
import uuid

from fastapi import APIRouter
from pydantic import BaseModel, Field

from core.access import Role
from core.accounts import tokens
from core.queries.tokens import TokenRow
from dashboard.api.access import TokenAdmin
from dashboard.api.body import Body
from dashboard.api.clock import Now
from dashboard.context import context

router = APIRouter(prefix="/tokens", tags=["tokens"])


class NewToken(Body):
    name: str
    role: Role
    days: int | None = Field(None, ge=1, le=3650, description="How long it is valid; null: until it is revoked.")


class Created(BaseModel):
    """The secret is shown this once."""

    token: TokenRow
    secret: str


@router.get("", summary="Tokens, revoked ones too, the newest first")
async def list_tokens(user: TokenAdmin) -> tuple[TokenRow, ...]:
    return await tokens.everything(context().database, user)


@router.post("", status_code=201, summary="Make a token; its secret is shown this once")
async def create(new: NewToken, user: TokenAdmin, now: Now) -> Created:
    lifetime = dt.timedelta(days=new.days) if new.days else None
    made = await tokens.create(
        context().database, user, "api", name=new.name, role=new.role, now=now, lifetime=lifetime
    )
    return Created(token=made.token, secret=made.secret)


@router.delete("/{token_id}", status_code=204, summary="Revoke a token")
async def revoke(token_id: uuid.UUID, user: TokenAdmin, now: Now) -> None:
    await tokens.revoke(context().database, user, "api", token_id=token_id, now=now)
