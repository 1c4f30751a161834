"""What embedding again will do, take and cost. Pure."""

from collections.abc import Mapping
from typing import Any

from core.config import LOCAL_EMBEDDING_MODEL
from core.operations.plan import Danger, Explored, Parameters, Plan, PlannedStep
from core.phrases import counted, duration, listed, size

# A token is about four characters of English (OpenAI's tokenizer page); of other languages fewer.
CHARACTERS_A_TOKEN = 4
# Chunks overlap by 150 of 1,000 characters, and each begins with the title.
EMBEDDED_TWICE = 1.25
# US dollars for a million tokens (OpenAI's price list). Of a service that is not OpenAI nothing is known.
PRICES: Mapping[str, float] = {
    "text-embedding-3-small": 0.02,
    "text-embedding-3-large": 0.13,
    "text-embedding-ada-002": 0.10,
}
# Articles a second through the local model into Postgres on two cores: to go by.
LOCAL_A_SECOND = 60.0
# A vector of 1,536 numbers, and its place in an index.
ROW_BYTES, CHUNK_CHARACTERS = 2 * 6_200, 850


def tokens(articles: int, characters: float) -> int:
    """About how many tokens a model will count for so many articles of so many characters each."""
    return round(articles * characters * EMBEDDED_TWICE / CHARACTERS_A_TOKEN)


def cost(model: str, count: int, *, priced: bool) -> str:
    """`nothing: the model runs on this machine`, `about $0.42`."""
    if model == LOCAL_EMBEDDING_MODEL:
        return "nothing: the model runs on this machine"
    price = PRICES.get(model) if priced else None
    if price is None:
        return "a price that is not known here"
    dollars = count / 1e6 * price
    return f"about ${dollars:,.2f}" if dollars >= 0.01 else "less than $0.01"


def plan(parameters: Parameters, explored: Explored) -> Plan:
    """The plan of embedding again."""
    model, per_minute, seen = parameters["model"], parameters["per_minute"], explored.seen
    articles = seen["missing"] + seen["stale"]
    count = tokens(articles, seen["characters"])
    price = cost(model, count, priced=seen["priced"])
    seconds = max(1.0, articles * 60 / per_minute if per_minute else articles / LOCAL_A_SECOND)
    pace = f"at most {per_minute:,} articles a minute" if per_minute else "as fast as it goes"
    chunks = articles * max(1.0, seen["characters"] / CHUNK_CHARACTERS)
    return Plan(
        title=f"Embed {counted(articles, 'article')} by {model}",
        summary=f"{_what(seen)}. That is about {counted(count, 'token')}, and costs {price}.",
        steps=(
            PlannedStep("Try the model with one sentence"),
            PlannedStep(
                f"Embed each article and put its new vectors in the place of the old ones, {pace}",
                locks="the rows of one article, for milliseconds",
            ),
            PlannedStep("Search by the new vectors, and measure the recall of the index on them"),
        ),
        locks="the rows of one article at a time, for milliseconds",
        memory="none to speak of",
        disk=f"about {size(chunks * ROW_BYTES)} until vacuum takes the old vectors away",
        duration=f"about {duration(seconds)}, {pace}; it can be paused",
        seconds=seconds,
        verify="nothing is left to embed, a search by the new vectors finds something",
        rollback="none needed: each article has whole vectors of one model at any time; what was embedded stays",
        dangers=_dangers(seen, price, model),
    )


def _what(seen: Mapping[str, Any]) -> str:
    parts = []
    if seen["stale"]:
        by = listed(list(seen["others"])) or "another model"
        parts.append(f"{counted(seen['stale'], 'article')} embedded by {by}, which no search finds now")
    if seen["missing"]:
        parts.append(f"{counted(seen['missing'], 'article')} not embedded at all")
    return listed(parts)


def _dangers(seen: Mapping[str, Any], price: str, model: str) -> tuple[Danger, ...]:
    found = []
    if model != LOCAL_EMBEDDING_MODEL:
        found.append(Danger("warning", f"every article is sent to the service of {model}; it costs {price}"))
    if seen["indexed"] and seen["stale"]:
        found.append(
            Danger(
                "warning", "the index was built on other vectors: its recall may fall, and a rebuild is proposed then"
            )
        )
    return tuple(found)
