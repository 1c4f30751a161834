"""Planning to embed what the active model has not embedded yet."""

from nicegui import ui

from core.errors import BadRequest
from core.operations import planning
from dashboard import acting
from dashboard.components.forms import Dialog, Field
from dashboard.components.html import Text, box, button
from dashboard.components.operation_verbs import world
from dashboard.context import context


class ReembedDialog:
    """Asks how fast; the plan says how much, and what it costs."""

    def __init__(self) -> None:
        self._dialog = Dialog("Embed what waits")

    def open(self) -> None:
        rate: list[Field] = []

        def draw() -> None:
            model = context().settings.active_embedding_model
            Text(
                "p",
                f"What has no vectors by {model} is embedded; old vectors stay until the new ones take their place. "
                "The plan that comes of it names tokens, cost and time.",
                "under",
            )
            rate.append(Field("Articles a minute at most", placeholder="as the plan has it"))

        async def plan() -> None:
            typed = rate[0].value.strip()
            if typed and not typed.isdecimal():
                raise BadRequest(f"Articles a minute are a number, not {typed!r}.")
            _, user, face = await acting.recording_to()
            made = await planning.plan(
                world(), user, face, "embed articles", {"per_minute": int(typed)} if typed else {}
            )
            self._dialog.close()
            ui.navigate.to(f"/operations/{made.id}")

        def buttons() -> None:
            with box(classes="actions"):
                button("Make the plan", plan, "primary")
                self._dialog.cancel()

        self._dialog.open("Embed what waits", draw, buttons)
