"""A world to try Signalist in: feeds with invented articles on this machine, some of them broken, and an hour of history.

Nothing here touches real data: `signalist demo` runs it all in a data dir of its own.
"""
