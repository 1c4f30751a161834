"""What people do to feeds, one verb a file. Each asks for the right, leaves a record and tells what became of it."""

from core.feeds.add import Added, Refused, Wanted, add
from core.feeds.crawl import Crawls, crawl_all, crawl_now
from core.feeds.interval import set_interval
from core.feeds.remove import remove
from core.feeds.switch import disable, enable

__all__ = [
    "Added",
    "Crawls",
    "Refused",
    "Wanted",
    "add",
    "crawl_all",
    "crawl_now",
    "disable",
    "enable",
    "remove",
    "set_interval",
]
