"""Fields with a label, filters that live in the address, and dialogs.

What a field holds is `defaultValue`, never `value`: a page is rendered again whenever anything on it changes, and
`value` would then take back what a person is typing.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from nicegui import ui
from nicegui.element import Element

from dashboard.components.html import Text, box, link


@contextmanager
def filters(path: str, **kept: str) -> Iterator[None]:
    """A form whose fields become the address of `path`; `kept` are parameters that it passes on."""
    with box("form", "filters") as form:
        form.props["action"], form.props["method"], form.props["role"] = path, "get", "search"
        # On the way back the address counts, and not what was in the fields when the page was left.
        form.props["autocomplete"] = "off"
        for name, value in kept.items():
            if value:
                hidden = box("input")
                hidden.props["type"], hidden.props["name"], hidden.props["defaultValue"] = "hidden", name, value
        yield


def text_filter(name: str, value: str, label: str, *, wide: bool = False, most: int = 500) -> None:
    """A box to type in, and the button that applies it."""
    with box(classes="joined wide-field" if wide else "joined"):
        field = _field("input", label, value)
        field.props["name"], field.props["type"], field.props["placeholder"] = name, "search", label
        field.props["maxlength"], field.props["autocomplete"], field.props["data-filter"] = most, "off", True
        Text("button", "Search" if wide else "Filter", "btn primary" if wide else "btn").props("type=submit")


def day_filter(name: str, value: str, label: str) -> None:
    """A day, as `2026-01-31`, applied at once."""
    with box("label", "joined day"):
        Text("span", label, "mute")
        field = _field("input", label, value)
        field.props["name"], field.props["type"] = name, "date"


def choice(name: str, value: str, label: str, options: Mapping[str, str]) -> None:
    """A choice among `options` (value to words), applied at once."""
    field = box("select", "field")
    field.props["name"], field.props["aria-label"] = name, label
    _offer(field, options, value)


def _offer(field: Element, options: Mapping[str, str], value: str) -> None:
    with field:
        for option, words in options.items():
            element = Text("option", words)
            element.props["value"] = option
            if option == value:
                element.props["selected"] = True


def chip(text: str, target: str, *, on: bool) -> Text:
    """A filter that is a link."""
    element = link(text, target, "chip on" if on else "chip")
    if on:
        element.props["aria-current"] = "true"
    return element


class Field:
    """A labelled field of a dialog; `value` is what is in it now. `tag`: input or textarea."""

    def __init__(self, label: str, *, tag: str = "input", value: str = "", placeholder: str = "") -> None:
        self.value = value
        with box("label", "labelled"):
            Text("span", label)
            self.element = _field(tag, label, value)
        self.element.props["placeholder"] = placeholder
        self.element.on("input", lambda event: self._typed(event.args), js_handler="(e) => emit(e.target.value)")

    def _typed(self, value: object) -> None:
        self.value = str(value)


def secret(field: Field, autocomplete: str) -> Field:
    """The field hides what is typed; `autocomplete` tells a password manager what it is."""
    field.element.props["type"], field.element.props["autocomplete"] = "password", autocomplete
    return field


class Select:
    """A labelled choice in a dialog among `options` (value to words); `value` is what is chosen now."""

    def __init__(self, label: str, options: Mapping[str, str], value: str) -> None:
        self.value = value
        with box("label", "labelled"):
            Text("span", label)
            field = box("select", "field")
        field.props["aria-label"] = label
        _offer(field, options, value)
        field.on("change", lambda event: self._chosen(event.args), js_handler="(e) => emit(e.target.value)")

    def _chosen(self, value: object) -> None:
        self.value = str(value)


class Check:
    """A box to tick, with its label beside it; `bare`: for screen readers only. `ticked` hears what a person does."""

    def __init__(
        self, label: str, ticked: Callable[[bool], None] | None = None, *, on: bool = False, bare: bool = False
    ) -> None:
        self.on = on
        self._ticked = ticked
        self._label = box("label", "check")
        with self._label:
            self._box = box("input")
            self._box.props["type"], self._box.props["checked"] = "checkbox", on
            Text("span", label, "visually-hidden" if bare else "")
        self._box.on("change", lambda event: self._changed(event.args), js_handler="(e) => emit(e.target.checked)")

    def set(self, on: bool) -> None:
        """Ticks or clears it, which `ticked` does not hear."""
        if on != self.on:
            self.on = on
            self._box.props["checked"] = on

    def set_visibility(self, visible: bool) -> None:
        self._label.set_visibility(visible)

    def _changed(self, on: object) -> None:
        self.set(bool(on))
        if self._ticked is not None:
            self._ticked(self.on)


class Dialog:
    """A dialog that is drawn anew each time it is opened. `forgets`: what it holds is secret, so that it stays open
    when somebody clicks beside it, and leaves the page when it is closed."""

    def __init__(self, title: str, *, forgets: bool = False) -> None:
        self._dialog = ui.dialog()
        self._dialog.props["aria-label"] = title
        with self._dialog:
            # Quasar lets a div in a dialog be clicked, and nothing else.
            self._card = box("div", "card dialog")
        if forgets:
            self._dialog.props("no-backdrop-dismiss")
            self._dialog.on_value_change(lambda event: None if event.value else self._card.clear())

    def open(self, title: str, *parts: Callable[[], None]) -> None:
        """Shows the dialog with these parts, one below the other."""
        self._dialog.props["aria-label"] = title
        self._card.clear()
        with self._card:
            Text("h2", title, "dialog-title")
            for draw in parts:
                draw()
        self._dialog.open()

    def close(self) -> None:
        self._dialog.close()

    def cancel(self, text: str = "Cancel") -> None:
        """The button that only closes."""
        element = Text("button", text, "btn").props("type=button")
        element.on("click", self.close)


def _field(tag: str, label: str, value: str) -> Element:
    field = box(tag, "field")
    field.props["aria-label"], field.props["defaultValue"] = label, value
    return field
