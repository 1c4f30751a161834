"""Who looks at which page, and that nobody goes on looking whose session has ended."""

import uuid
from dataclasses import replace

from nicegui import Client, app, core, ui

from core.access import User
from core.accounts import logins
from core.errors import NotLoggedIn, Unavailable
from dashboard.context import context
from dashboard.sockets import login_of

# Within two seconds a page knows that its session ended or that its person's role changed.
EVERY_S = 1.0


def current_user() -> User:
    """Who looks at the page that is being built or handled: for showing, not for acting. Raises NotLoggedIn."""
    login = login_of(ui.context.client)
    if login is None:
        raise NotLoggedIn
    return login.user


def current_session() -> uuid.UUID | None:
    """The session that the page which is being built or handled was sent to."""
    login = login_of(ui.context.client)
    return login.id if login else None


async def acting_user() -> User:
    """Who acts, as Postgres says now: every handler that changes something hands this to core.

    Raises NotLoggedIn when the session has ended since the page was sent, and Unavailable.
    """
    login = login_of(ui.context.client)
    if login is None:
        raise NotLoggedIn
    found = (await context().open_logins.still_open([login.id])).get(login.id)
    if found is None:
        raise NotLoggedIn("Your session has ended: log in again.")
    return replace(found.user, address=login.user.address)


async def log_out() -> None:
    """Ends the session of the page that is being handled, and every page that is open in it."""
    login = login_of(ui.context.client)
    if login is not None:
        await logins.log_out(context().database, login)
    await check()


async def check() -> None:
    """Closes the pages of sessions that have ended, and has those reload whose person's name or role has changed."""
    pages = [(client, login) for client in list(Client.instances.values()) if (login := login_of(client))]
    try:
        found = await context().open_logins.still_open(login.id for _, login in pages)
    except Unavailable:
        # Nobody can tell. The pages stay and show what is unknown; whatever they do asks again.
        return
    for client, login in pages:
        now = found.get(login.id)
        if now is None or now.user != login.user:
            await _send_away(client)


async def _send_away(client: Client) -> None:
    """The browser asks for its page anew and meets the guard; whether it does or not, nothing more is sent to it."""
    sockets = [sid for sid, _ in core.sio.manager.get_participants("/", client.id)]
    await core.sio.emit("run_javascript", {"code": "window.location.reload()"}, room=client.id)
    if client.id in Client.instances:
        # Of a page that is closed already, NiceGUI would do that once more some seconds later, and report a mistake.
        for document_id in list(client._delete_tasks):
            client._cancel_delete_task(document_id)
        client.delete()
    for sid in sockets:
        await core.sio.disconnect(sid)


def install() -> None:
    """Looks each second, for as long as the app runs."""
    app.on_startup(lambda: app.timer(EVERY_S, check))
