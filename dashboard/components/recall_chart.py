"""Recall over two weeks, with what was wanted, and where the index was built anew."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

from core.queries.index_measurements import Measurement
from dashboard import design
from dashboard.components.html import Text, box


def recall_chart(trend: Sequence[Measurement], wanted: float) -> None:
    """Draws it, here; `wanted` is the recall to stay above."""
    Text("h3", "Recall@10 over 14 days", "over")
    if len(trend) < 2:
        Text("p", "Measured once a day: two measurements make a line.", "empty")
        return
    with box().props("aria-hidden=true"):
        ui.plotly(_figure(trend, wanted)).classes("chart")
    Text("p", f"Recall@10 now: {trend[-1].recall:.2f}; {trend[0].recall:.2f} two weeks ago.", "visually-hidden")


def _figure(trend: Sequence[Measurement], wanted: float) -> dict[str, Any]:
    times = [m.at.astimezone().replace(tzinfo=None).isoformat(timespec="seconds") for m in trend]
    texts = [f"{m.shape}, {m.setting} {m.value}, p95 {m.p95_ms:.1f} ms" for m in trend]
    low = min(0.7, min(m.recall_low for m in trend) - 0.02)
    axis = {"fixedrange": True, "zeroline": False, "tickfont": {"size": 10}}
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines+markers" if len(trend) < 40 else "lines",
                "x": times,
                "y": [round(m.recall, 3) for m in trend],
                "text": texts,
                "line": {"color": design.SERIES["crawl"], "width": 2},
                "hovertemplate": "%{y:.3f}, %{text}<extra></extra>",
            }
        ],
        "layout": {
            "margin": {"l": 34, "r": 8, "t": 6, "b": 24},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": False,
            "hovermode": "x",
            "xaxis": axis | {"showgrid": False, "type": "date", "nticks": 5},
            "yaxis": axis | {"range": [low, 1.01], "nticks": 5, "tickformat": ".2f"},
            "shapes": [
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": wanted,
                    "y1": wanted,
                    "line": {"color": design.SERIES["ops"], "width": 1, "dash": "dot"},
                }
            ],
        },
        "config": {"displayModeBar": False, "responsive": True},
    }
