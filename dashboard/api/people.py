"""`/users`, `/sessions` and `/me`: who may log in, and who is."""

import uuid

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, SecretStr

from core.access import Role
from core.accounts import people, sessions
from core.queries.sessions import SessionRow
from core.queries.users import UserRow
from dashboard.api.access import PasswordChanger, SessionAdmin, SessionEnder, UserAdmin, Viewer
from dashboard.api.body import Body
from dashboard.api.clock import Now
from dashboard.context import context
from dashboard.sockets import login_in

router = APIRouter(tags=["people"])


class Me(BaseModel):
    """Who asks, and with which role."""

    name: str
    role: Role


class NewUser(Body):
    name: str
    role: Role
    password: SecretStr


class Made(BaseModel):
    id: uuid.UUID


class Ended(BaseModel):
    ended: int


class OwnPassword(Body):
    old: SecretStr
    new: SecretStr


class UserChange(Body):
    """What is to be different; what is left out stays."""

    role: Role | None = None
    enabled: bool | None = None
    password: SecretStr | None = Field(None, description="Ends every session of that person.")


@router.get("/me", summary="Who asks, and with which role")
async def me(user: Viewer) -> Me:
    return Me(name=user.name, role=user.role)


@router.get("/users", summary="People by name")
async def list_users(user: UserAdmin, now: Now) -> tuple[UserRow, ...]:
    return await people.everyone(context().database, user, now=now)


@router.post("/users", status_code=201, summary="Add a person")
async def add(new: NewUser, user: UserAdmin) -> Made:
    password = new.password.get_secret_value()
    return Made(id=await people.add(context().database, user, "api", name=new.name, role=new.role, password=password))


@router.patch("/users/{name}", status_code=204, summary="Change a person's role or password, disable or enable them")
async def change(name: str, change: UserChange, user: UserAdmin, now: Now) -> None:
    database = context().database
    if change.role is not None:
        await people.change_role(database, user, "api", name=name, role=change.role)
    if change.password is not None:
        await people.give_password(database, user, "api", name=name, password=change.password.get_secret_value())
    if change.enabled is True:
        await people.enable(database, user, "api", name=name)
    elif change.enabled is False:
        await people.disable(database, user, "api", name=name, now=now)


@router.get("/sessions", summary="Open sessions, the latest seen first")
async def list_sessions(user: SessionAdmin, now: Now) -> tuple[SessionRow, ...]:
    return await sessions.of_everyone(context().database, user, now=now)


@router.delete("/sessions/{session_id}", status_code=204, summary="End a session and close its pages")
async def end_session(session_id: uuid.UUID, user: SessionAdmin) -> None:
    await sessions.end(context().database, user, "api", session_id=session_id)


@router.get("/me/sessions", summary="One's own open sessions, the latest seen first")
async def list_own_sessions(user: Viewer, now: Now) -> tuple[SessionRow, ...]:
    return await sessions.own(context().database, user, now=now)


@router.delete("/me/sessions", summary="End one's own sessions, but for the one in use")
async def end_other_sessions(request: Request, user: SessionEnder) -> Ended:
    return Ended(ended=await sessions.end_others(context().database, user, "api", keep=_session(request)))


@router.delete("/me/sessions/{session_id}", status_code=204, summary="End a session of one's own")
async def end_own_session(session_id: uuid.UUID, user: SessionEnder) -> None:
    await sessions.end(context().database, user, "api", session_id=session_id)


@router.put("/me/password", status_code=204, summary="Change one's own password and end one's other sessions")
async def change_own_password(change: OwnPassword, request: Request, user: PasswordChanger, now: Now) -> None:
    old, new, keep = change.old.get_secret_value(), change.new.get_secret_value(), _session(request)
    await people.change_own_password(context().database, user, "api", old=old, new=new, keep=keep, now=now)


def _session(request: Request) -> uuid.UUID | None:
    """The session in use; a program has none."""
    login = login_in(request.scope)
    return login.id if login else None
