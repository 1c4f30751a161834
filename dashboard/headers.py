"""What every answer tells the browser to refuse."""

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Scope, Send

from dashboard.connection import REQUEST_ID

# Nothing that is not a page of ours runs, loads or is shown in a frame.
NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

_ALWAYS = {
    "x-content-type-options": "nosniff",
    # For browsers older than frame-ancestors.
    "x-frame-options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` with our own forms.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def page_policy(nonce: str) -> str:
    """The Content-Security-Policy of NiceGUI's pages.

    As strict as NiceGUI 3.18 works with: Vue compiles templates and the server sends JavaScript to evaluate, so
    'unsafe-eval' has to be; elements carry style attributes and libraries insert style sheets, so 'unsafe-inline' has
    to be for styles. Scripts in the page run by nonce only: one that got in through data does not.
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def protecting(scope: Scope, send: Send) -> Send:
    """`send`, with the headers added to what it starts; what the answer says itself stays."""
    tls = scope["scheme"] in {"https", "wss"}
    nonce, request_id = scope["state"]["nonce"], scope["state"]["request_id"]

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = request_id
            for name, value in _ALWAYS.items():
                headers.setdefault(name, value)
            is_page = headers.get("content-type", "").startswith("text/html")
            headers.setdefault("content-security-policy", page_policy(nonce) if is_page else NOTHING)
            if tls:
                headers.setdefault("strict-transport-security", "max-age=31536000")
        await send(message)

    return with_headers
