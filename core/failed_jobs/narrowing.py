"""Words that name a job are found wherever it is; other words are looked for."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from core.failed_jobs.filter import Filter
from core.queries import failed_list
from core.queues.catalogue import keys_about

# The shortest thing that is taken for an id.
_SHORTEST = 8


async def narrowed(session: AsyncSession, chosen: Filter) -> Filter:
    """The filter with the jobs that its text names, if it is the id of a job or of what a job is about."""
    words = chosen.text.strip()
    if chosen.ids or len(words) < _SHORTEST or any(letter.isspace() for letter in words):
        return chosen
    found = await failed_list.identified(session, words, [words, *keys_about(words)])
    return replace(chosen, text="", ids=found) if found else chosen
