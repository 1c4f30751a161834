"""The places there are. The shell, the palette and the keys all read this table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """`key` follows g on the keyboard; `group` is the heading it stands under."""

    path: str
    name: str
    key: str
    group: str = ""


PLACES = (
    Place("/", "Overview", "o"),
    Place("/queues", "Queues", "q"),
    Place("/jobs", "Jobs", "j"),
    Place("/failed", "Failed jobs", "x"),
    Place("/workers", "Workers", "w"),
    Place("/schedules", "Schedules", "d"),
    Place("/index", "Index", "i", "Data"),
    Place("/migrations", "Migrations", "m", "Data"),
    Place("/feeds", "Feeds", "f", "Data"),
    Place("/articles", "Articles", "a", "Data"),
    Place("/search", "Search", "s", "Data"),
    Place("/map", "Map", "p", "Data"),
    Place("/operations", "Operations", "r", "Record"),
    Place("/record", "Record", "l", "Record"),
    Place("/access", "Access", "k", "Record"),
)
