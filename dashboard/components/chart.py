"""A Plotly chart of the last hour. Only pages that chart load Plotly; it is redrawn when a new sample is there."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from nicegui import ui

from core.history import Series
from core.phrases import listed
from dashboard.components.html import Text, box

# Half a minute a point: as fine as 600 px can show, and a redraw stays within a few kilobytes for each viewer.
POINTS = 120
# A first minute of history would otherwise show the same minute five times.
TIMES = (
    {"dtickrange": [None, 59_999], "value": "%H:%M:%S"},
    {"dtickrange": [60_000, None], "value": "%H:%M"},
)


class Chart:
    """`colours` maps the name of each line to its colour."""

    def __init__(self, title: str, colours: Mapping[str, str], empty: str) -> None:
        self._title, self._colours, self._empty_text = title, colours, empty
        self._newest: dt.datetime | None = None
        with box("section", "card") as card:
            card.props["aria-label"] = title
            with box(classes="head"):
                Text("h2", title)
                with box(classes="legend"):
                    for name, colour in colours.items():
                        with Text("span", ""):
                            box("i").style(f"background:{colour}").props("aria-hidden=true")
                            Text("span", name)
            self._body = box()
            with self._body:
                self._empty = Text("p", empty, "empty")
            self._plot: ui.plotly | None = None
            self._words = Text("p", "", "visually-hidden")

    def show(self, lines: Mapping[str, Series]) -> None:
        times = next(iter(lines.values())).times
        if len(times) < 2:
            return
        if times[-1] == self._newest:
            return
        self._newest = times[-1]
        figure = _figure(lines, self._colours)
        if self._plot is None:
            self._body.clear()
            with self._body:
                self._plot = ui.plotly(figure).classes("chart")
                self._plot.props("aria-hidden=true")
        else:
            self._plot.update_figure(figure)
        self._words.say(f"{self._title}, now: {_now(lines)}.")


def _now(lines: Mapping[str, Series]) -> str:
    last = {name: line.values[-1] for name, line in lines.items()}
    return listed([f"{name} {'unknown' if value is None else f'{value:,.0f}'}" for name, value in last.items()])


def _figure(lines: Mapping[str, Series], colours: Mapping[str, str]) -> dict[str, Any]:
    traces = []
    for name, line in lines.items():
        times, values = _thin(line)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": times,
                "y": values,
                "line": {"color": colours[name], "width": 2},
                "hovertemplate": f"%{{y:,.0f}} {name}<extra></extra>",
            }
        )
    axis = {"fixedrange": True, "zeroline": False, "tickfont": {"size": 10}}
    return {
        "data": traces,
        "layout": {
            "margin": {"l": 34, "r": 8, "t": 6, "b": 24},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "hovermode": "x unified",
            "xaxis": axis | {"showgrid": False, "type": "date", "nticks": 5, "tickformatstops": TIMES},
            "yaxis": axis | {"rangemode": "tozero", "nticks": 4, "tickformat": ",d"},
        },
        "config": {"displayModeBar": False, "responsive": True},
    }


def _thin(line: Series) -> tuple[list[str], list[float | None]]:
    """Every n-th point, counted from the newest, in the server's local time (Plotly draws times as they are given)."""
    every = -(-len(line.times) // POINTS)
    start = (len(line.times) - 1) % every
    times = [t.astimezone().replace(tzinfo=None).isoformat(timespec="seconds") for t in line.times[start::every]]
    return times, [None if v is None else round(v, 2) for v in line.values[start::every]]
