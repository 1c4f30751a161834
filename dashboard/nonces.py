"""Gives NiceGUI's own scripts the nonce of their page, so that the policy can forbid all others."""

import re
from collections.abc import Callable

from jinja2 import BaseLoader, Environment
from nicegui import client

_SCRIPT = re.compile(r"<script\b")


class _WithNonces(BaseLoader):
    """The template as NiceGUI ships it, each script tag in it with a nonce; what is filled in later gets none."""

    def __init__(self, shipped: BaseLoader) -> None:
        self._shipped = shipped

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, uptodate = self._shipped.get_source(environment, template)
        return _SCRIPT.sub('<script nonce="{{ request.state.nonce }}"', source), filename, uptodate


def install() -> None:
    """Affects every page that NiceGUI renders from now on."""
    environment = client.templates.env
    if environment.loader is not None and not isinstance(environment.loader, _WithNonces):
        environment.loader = _WithNonces(environment.loader)
