"""A world to try Signalist in: feeds of invented articles on this machine, some of them broken, and past samples.

Nothing here touches real data: `signalist demo` runs it all in a data dir of its own.
"""
