"""Colours and shapes: the one place that names them. The stylesheet uses the tokens as CSS variables."""

from core.health import Status

LIGHT = {
    "bg": "#f6f7f9",
    "surface": "#ffffff",
    "line": "#e4e7ec",
    "edge": "#868fa0",
    "ink": "#101828",
    "soft": "#475467",
    "mute": "#5d6679",
    "brand": "#3538cd",
    "brand-ink": "#ffffff",
    "brand-bg": "#eef0ff",
    "ok": "#067647",
    "ok-bg": "#ecfdf3",
    "warn": "#93520a",
    "warn-bg": "#fffaeb",
    "bad": "#b42318",
    "bad-bg": "#fef3f2",
    "run": "#175cd3",
    "run-bg": "#eff8ff",
}
DARK = {
    "bg": "#0c111d",
    "surface": "#161b26",
    "line": "#262f40",
    "edge": "#6d7890",
    "ink": "#f2f4f7",
    "soft": "#c2c8d2",
    "mute": "#94a0b3",
    "brand": "#a4b0ff",
    "brand-ink": "#0c111d",
    "brand-bg": "#1e2450",
    "ok": "#5fe3a1",
    "ok-bg": "#0d2c20",
    "warn": "#f7c266",
    "warn-bg": "#33240a",
    "bad": "#ff8f85",
    "bad-bg": "#3a1512",
    "run": "#84c1ff",
    "run-bg": "#102a4a",
}
# Lines of charts: told apart in both themes and by people who see red and green alike (Okabe and Ito, 2008, adapted).
SERIES = {"crawl": "#5b5fef", "embed": "#9b6bdf", "summarise": "#0a9fc4", "ops": "#8a94a6"}
DONE, LATE, FAILED = "#12a06a", "#e0962b", "#e5484d"

# Status is never colour alone: an icon and a word go with it.
TONE = {Status.HEALTHY: "ok", Status.DEGRADED: "warn", Status.UNHEALTHY: "bad", Status.UNKNOWN: "mute"}
ICON = {Status.HEALTHY: "●", Status.DEGRADED: "▲", Status.UNHEALTHY: "✕", Status.UNKNOWN: "?"}


def stylesheet() -> str:
    """The tokens as CSS variables, for both themes."""
    light, dark = (";".join(f"--{name}:{value}" for name, value in theme.items()) for theme in (LIGHT, DARK))
    signals = f"--done:{DONE};--late:{LATE};--failed:{FAILED}"
    return f":root{{{light};{signals};color-scheme:light}} body.body--dark{{{dark};color-scheme:dark}}"
