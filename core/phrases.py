"""Numbers and times as a person says them. Pure; used in health details and on every screen."""

from collections.abc import Sequence


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 job`, `1,284 jobs`, `2 queries`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Seconds in at most two units: `0.4 s`, `12 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def milliseconds(value: float) -> str:
    """`0.4 ms`, `3 ms`, `1.2 s`."""
    if value >= 1000:
        return duration(value / 1000)
    return f"{value:.1f} ms" if value < 1 else f"{value:.0f} ms"


def size(count: float) -> str:
    """Bytes in the largest fitting unit of 1024: `512 B`, `41 MB`, `1.0 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1024:
            return f"{count:.1f} {unit}" if unit == "GB" else f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def in_words(number: int) -> str:
    """`two` up to twelve, then digits: for sentences."""
    return WORDS[number] if 0 <= number < len(WORDS) else f"{number:,}"
