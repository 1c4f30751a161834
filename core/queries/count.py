"""How many, and whether that is known or only bounded."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """`value` rows; when not `exact`, it is a floor (counting stopped there) or the planner's estimate."""

    value: int
    exact: bool = True

    @classmethod
    def capped(cls, found: int, cap: int) -> "Count":
        """From a count that stopped at `cap` + 1 rows."""
        return cls(min(found, cap), exact=found <= cap)

    def __str__(self) -> str:
        """`41`, or `5,000+` where counting stopped."""
        return f"{self.value:,}" + ("" if self.exact else "+")

    def of(self, noun: str, plural: str | None = None) -> str:
        """`1 cause`, `41 jobs`, `5,000+ jobs`."""
        return f"{self} {noun if self.value == 1 and self.exact else plural or noun + 's'}"
