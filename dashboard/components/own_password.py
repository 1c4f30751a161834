"""Changing one's own password."""

from core.accounts import people
from core.errors import BadRequest
from dashboard import acting
from dashboard.components.forms import Field, secret
from dashboard.components.html import Text, box, button
from dashboard.notices import notice
from dashboard.presence import current_session


class OwnPassword:
    """Drawn anew once it is changed, so that nothing typed stays."""

    def __init__(self) -> None:
        with box("section", "card") as card:
            card.props["aria-labelledby"] = "own-password"
            with box(classes="head"):
                Text("h2", "Your password").props("id=own-password")
            self._body = box(classes="narrow")
        self._draw()

    def _draw(self) -> None:
        self._body.clear()
        with self._body:
            old = secret(Field("Old password"), "current-password")
            new = secret(Field("New password"), "new-password")
            again = secret(Field("New password again"), "new-password")
            Text("p", "Your other sessions end with it; this one stays.", "under")
            with box(classes="actions"):
                button("Change it", lambda: self._change(old.value, new.value, again.value), "primary")

    async def _change(self, old: str, new: str, again: str) -> None:
        if new != again:
            raise BadRequest("The two new passwords differ: type it again.")
        who, keep, now = await acting.recording_to(), current_session(), acting.now()
        await people.change_own_password(*who, old=old, new=new, keep=keep, now=now)
        self._draw()
        notice("Your password is changed, and your other sessions have ended.")
