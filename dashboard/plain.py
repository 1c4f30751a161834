"""Pages in plain HTML, for where nothing of the application is to run."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse

from dashboard import design

_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def render(connection: HTTPConnection, template: str, status: int = 200, **words: object) -> HTMLResponse:
    """A page from a template, in the colours of all others. It may load our own images, and run nothing."""
    nonce = connection.state.nonce
    theme = connection.cookies.get("theme")
    html = _pages.get_template(template).render(
        nonce=nonce, tokens=_TOKENS, theme=theme if theme in {"dark", "light"} else "", **words
    )
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(html, status, {"cache-control": "no-store", "content-security-policy": policy})


def _tokens() -> str:
    light, dark = (
        ";".join(f"--{name}:{value}" for name, value in theme.items()) for theme in (design.LIGHT, design.DARK)
    )
    light, dark = f"{light};color-scheme:light", f"{dark};color-scheme:dark"
    # The system's theme, until a person chose one.
    return (
        f":root{{{light}}} @media(prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}} "
        f":root[data-theme=dark]{{{dark}}}"
    )


_TOKENS = _tokens()
