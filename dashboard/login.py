"""The login page: plain HTML and a plain form, so that nothing of the application runs for a stranger."""

import datetime as dt
import secrets
from http import HTTPStatus
from urllib.parse import parse_qsl, quote, urlsplit

import structlog
from fastapi import APIRouter, Request
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from core.access import Role
from core.accounts import logins, single_sign_on
from core.accounts.logins import ABSOLUTE, NewLogin, TooManyAttempts, WrongLogin, fingerprint
from core.accounts.names import normal
from core.accounts.throttle import Origin
from core.errors import Forbidden, SignalistError
from dashboard import cookies, plain
from dashboard.connection import address, vouched_name
from dashboard.context import context

PATH = "/login"
LOGOUT = "/logout"
# A name, a password, a token and an address, with room to spare; a flood of megabytes is not read.
LARGEST_FORM = 16_384
# A form may stay open over a weekend.
FORM_S = 3 * 24 * 3600
# How long a browser that logged in once is known; each login begins that time anew.
DEVICE_S = 180 * 24 * 3600

log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)


class FormExpired(Forbidden):
    """This form was open for too long: log in again."""


class FormTooLarge(SignalistError):
    """That is more than a name and a password."""

    http_status = 413


@router.get(PATH)
async def show(request: Request) -> Response:
    """The form; who is logged in already goes on, and so does whom the single sign-on vouches for."""
    wanted = local(request.query_params.get("next"))
    if request.state.user is not None:
        return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    vouched = vouched_name(request)
    if vouched is not None:
        # Or a picture on any page of another host would, in the name of whoever looks at it.
        if request.headers.get("sec-fetch-dest", "document") != "document":
            return closed(request, Forbidden("Only a page that is opened by itself begins a session."))
        return await _sign_in(request, vouched, wanted)
    if context().settings.sso_proxies and context().settings.sso_header in request.headers:
        log.warning("A name that no proxy in SSO_PROXIES vouches for was ignored.", peer=request.state.peer)
    return _form(request, wanted=wanted)


@router.post(PATH)
async def submit(request: Request) -> Response:
    """Opens a session and goes on to where the person wanted to go, or says why not."""
    if vouched_name(request) is not None:
        return closed(request, Forbidden("The single sign-on says who you are: a password is for when it is away."))
    fields: dict[str, str] = {}
    try:
        fields = await _fields(request)
        _demand_own_form(request, fields.get("csrf"))
        new = await logins.log_in(
            context().database,
            name=fields.get("name", ""),
            password=fields.get("password", ""),
            origin=Origin(address(request), _device(request, fields.get("name", ""))),
            user_agent=request.headers.get("user-agent"),
            replaces=cookies.read(request, cookies.SESSION),
            now=dt.datetime.now(dt.UTC),
        )
    except SignalistError as error:
        return _form(request, wanted=local(fields.get("next")), name=fields.get("name", ""), error=error)
    response = _enter(request, new, local(fields.get("next")))
    known = f"{fingerprint(new.login.user.name)}:{secrets.token_hex(16)}"
    cookies.put(request, response, cookies.DEVICE, cookies.signed(cookies.DEVICE, known), max_age=DEVICE_S)
    cookies.drop(request, response, cookies.LOGIN_FORM)
    return response


@router.post(LOGOUT)
async def leave(request: Request) -> Response:
    """Ends the session and clears what the browser kept of it. Its open pages are closed within a second.

    Not at once: the one that asks would be told to reload in the middle of leaving, and then never see the answer.
    """
    if request.state.login is not None:
        await logins.log_out(context().database, request.state.login)
    vouched = vouched_name(request)
    response = RedirectResponse(PATH, HTTPStatus.SEE_OTHER) if vouched is None else _still_vouched_for(request, vouched)
    cookies.drop(request, response, cookies.SESSION)
    return response


def closed(connection: HTTPConnection, error: SignalistError) -> Response:
    """The page for a person who can neither be let in nor be sent to log in."""
    return plain.render(
        connection, "login.html", error.http_status, title="You cannot be let in", error=str(error), form=False
    )


async def _sign_in(request: Request, name: str, wanted: str) -> Response:
    role = context().settings.sso_new_role
    try:
        new = await single_sign_on.sign_in(
            context().database,
            name=name,
            new_role=Role(role) if role else None,
            address=address(request),
            user_agent=request.headers.get("user-agent"),
            replaces=cookies.read(request, cookies.SESSION),
            now=dt.datetime.now(dt.UTC),
        )
    except SignalistError as error:
        return closed(request, error)
    return _enter(request, new, wanted)


def _enter(request: Request, new: NewLogin, wanted: str) -> Response:
    response = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    cookies.put(request, response, cookies.SESSION, new.token, max_age=int(ABSOLUTE.total_seconds()))
    return response


def _still_vouched_for(request: Request, name: str) -> Response:
    said = f"The single sign-on still knows this browser as {name}. Log out there, too, before somebody else uses it."
    return plain.render(
        request, "login.html", title="You are logged out of Signalist", said=said, form=False, again="Log in again"
    )


def local(target: str | None) -> str:
    """`target` when it is a path of this host that a browser cannot read as anything else; the first page if not."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return "/"
    # Browsers read a backslash as a slash and drop control characters: /\host and /<tab>/host lead away.
    if "\\" in target or any(ord(character) < 0x21 or ord(character) == 0x7F for character in target):
        return "/"
    try:
        parts = urlsplit(target)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path in {PATH, LOGOUT}:
        return "/"
    return quote(target, safe="/?&=#%+:;,@!$'()*~[]-._")


def _form(request: Request, *, wanted: str, name: str = "", error: SignalistError | None = None) -> Response:
    # One that is there stays, so that a second open login page does not spoil the first.
    nonce = cookies.unsigned(cookies.LOGIN_FORM, cookies.read(request, cookies.LOGIN_FORM)) or secrets.token_hex(16)
    response = plain.render(
        request,
        "login.html",
        error.http_status if error else HTTPStatus.OK,
        title="Log in",
        form=True,
        csrf=cookies.signed("csrf", nonce),
        next=wanted,
        name=name,
        error=str(error) if error else "",
        wrong=isinstance(error, WrongLogin),
    )
    cookies.put(request, response, cookies.LOGIN_FORM, cookies.signed(cookies.LOGIN_FORM, nonce), max_age=FORM_S)
    if isinstance(error, TooManyAttempts):
        response.headers["retry-after"] = str(max(1, round(error.retry_after)))
    return response


async def _fields(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise FormTooLarge
    return dict(parse_qsl(body.decode("utf-8", "replace")))


def _demand_own_form(request: Request, csrf: str | None) -> None:
    """The form carries what the cookie carries, each signed by us for its own purpose."""
    sent = cookies.unsigned("csrf", csrf)
    kept = cookies.unsigned(cookies.LOGIN_FORM, cookies.read(request, cookies.LOGIN_FORM))
    if sent is None or kept is None or not secrets.compare_digest(sent, kept):
        raise FormExpired


def _device(request: Request, name: str) -> str | None:
    """The id of this browser, if it has logged in to that very account before."""
    known = cookies.unsigned(cookies.DEVICE, cookies.read(request, cookies.DEVICE)) or ""
    account, _, device = known.partition(":")
    return device if account == fingerprint(normal(name)) else None
