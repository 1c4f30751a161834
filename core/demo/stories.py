"""Invented articles: the same number always tells the same story, so that a feed is stable between crawls. Pure."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Story:
    """`paragraphs` are plain text."""

    title: str
    author: str
    paragraphs: tuple[str, ...]


AUTHORS = ("Ada Quist", "Ben Oduya", "Clara Weiss", "Edda Lind", "Farid Noor", "Greta Holm", "Hugo Marsh")
PLACES = (
    "Northport",
    "Elmstead",
    "Saltmarsh",
    "Karrow",
    "Vellinge",
    "Orchard Row",
    "Lake Tamber",
    "Hollow Bay",
)
NUMBERS = ("three", "seven", "a dozen", "nineteen", "forty", "two hundred")

# Topic: titles, then sentences. {place} and {number} are filled in; every topic has its own vocabulary, so that a
# search has something to tell apart.
TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Compilers weekly": (
        (
            "Register allocation without tears, from {place}",
            "{number} linkers and one winner",
            "What the optimiser saw in {place}",
        ),
        (
            "The new pass removes redundant loads across basic blocks and keeps the intermediate form small.",
            "On {number} benchmarks compile time fell while the generated code kept its speed.",
            "Inlining was the easy part; proving that two pointers never alias took most of the year.",
            "The team at {place} now runs every optimisation behind a flag before it becomes the default.",
            "Link time optimisation found {number} functions that no one had called since the first release.",
        ),
    ),
    "Harbour news": (
        ("Ferry returns to {place}", "Dredging begins at {place}", "{number} quieter cranes for {place}"),
        (
            "The harbour of {place} handled {number} ships more than in the same week last year.",
            "Fishermen asked for a longer pier, and the council promised an answer before the herring season.",
            "The new ferry carries cars on two decks and crosses in under an hour.",
            "Pilots reported fog on {number} mornings, and the lighthouse horn was heard again.",
            "Containers now leave by rail, which took {number} lorries a day off the coast road.",
        ),
    ),
    "Kitchen notes": (
        ("Bread that forgives, as baked in {place}", "{number} pans nobody washes", "Soup for {number} at {place}"),
        (
            "A slow rise overnight gives the dough flavour, and a hot oven does the rest.",
            "Salt the beans late, stir seldom, and let the pot stand while the table is laid.",
            "The market at {place} sold {number} kinds of apples; four of them are worth the walk.",
            "Butter browns in a minute and burns in the next: stay with it.",
            "A spoon of vinegar wakes up a stew that has been simmering since noon.",
        ),
    ),
    "Telescope log": (
        ("A comet over {place}", "{number} rings, but thinner", "{number} nights of dark sky at {place}"),
        (
            "The survey caught the galaxy {number} times before its light faded below the detector's noise.",
            "A faint companion orbits the star every nine days, too close for water to be liquid.",
            "Astronomers at {place} combined the exposures into the deepest image of that field so far.",
            "The comet passes nearest to the sun in spring and will not return for {number} centuries.",
            "Dust between the stars reddens their light, and the new map corrects for it.",
        ),
    ),
    "Rail and road": (
        (
            "Night trains come back to {place}",
            "The bridge at {place} reopens",
            "{number} timetables that tell the truth",
        ),
        (
            "The line from {place} reopens with {number} trains a day in each direction.",
            "Signals from the steam age gave way to cables, and the delays fell by half.",
            "Cyclists got a lane of their own, painted green, all the way to the station.",
            "The overnight carriage leaves late enough for dinner and arrives before the shops open.",
            "Engineers weighed the bridge with {number} loaded lorries before they let the first tram across.",
        ),
    ),
    "Field medicine": (
        (
            "{number} doses without a fridge",
            "Reading the blood in minutes in {place}",
            "The clinic at {place} counts {number}",
        ),
        (
            "The trial followed {number} volunteers for a year and found no serious side effect.",
            "A paper strip shows the result in minutes, which matters where the next laboratory is a day away.",
            "Nurses at {place} check the dose twice, and the second check found {number} errors.",
            "The vaccine stays good at room temperature for months, so it travels in a backpack.",
            "Doctors warn that antibiotics do nothing against a virus, and that half of the prescriptions are for one.",
        ),
    ),
    "Market close": (
        ("Rates held, {place} unmoved", "Copper climbs for {number} sessions", "A bank calms {place}"),
        (
            "The central bank kept its rate and said that inflation had eased for {number} months in a row.",
            "Shares of shipping companies rose after freight prices doubled on the northern route.",
            "Bond yields fell as traders bet on an early cut, then rose when the minutes came out.",
            "A lender in {place} assured its customers that deposits are safe and opened on Saturday to prove it.",
            "Copper gained for the {number} sessions in which the port was closed.",
        ),
    ),
    "Garden and soil": (
        ("Rain, at last, in {place}", "{number} bees on a roof in {place}", "What the roots of {place} say"),
        (
            "After {number} dry weeks the first rain ran off the hard ground; a mulch of straw would have held it.",
            "Bees prefer the lavender by the wall, where the stones keep the warmth of the day.",
            "Prune in the frost-free weeks, above a bud that points outward.",
            "The allotments of {place} share one compost heap and {number} opinions about it.",
            "Clover feeds the soil with nitrogen and the blackbirds with its seeds.",
        ),
    ),
}


def story(topic: str, number: int) -> Story:
    """The `number`-th story of `topic`. Raises KeyError for a topic that is not in TOPICS."""
    titles, sentences = TOPICS[topic]
    # Not for secrets: the same seed must tell the same story.
    dice = random.Random(f"{topic}/{number}")  # noqa: S311
    fill = {"place": dice.choice(PLACES), "number": dice.choice(NUMBERS)}
    title = dice.choice(titles).format(**fill)
    told = [sentence.format(**fill) for sentence in dice.sample(sentences, k=len(sentences))]
    middle = len(told) // 2
    return Story(
        title=title[0].upper() + title[1:],
        author=dice.choice(AUTHORS),
        paragraphs=(" ".join(told[:middle]), " ".join(told[middle:])),
    )
