"""What is sent to us as JSON."""

import json

from pydantic import BaseModel, ConfigDict, model_validator

# Far more than any argument of a job has; each place that reads or writes JSON ends somewhere between 200 and 1,000.
DEEPEST = 64


class Body(BaseModel):
    """A field that we do not know is a mistake of the caller, who is told instead of being ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, given: object) -> object:
        # Python reads more than JSON can say: neither Postgres nor an answer of ours can hold it.
        if _deeper(given, DEEPEST):
            raise ValueError(f"nothing may be nested deeper than {DEEPEST} times")
        try:
            json.dumps(given, ensure_ascii=False, allow_nan=False, default=str).encode()
        except ValueError:
            raise ValueError("half of a character, or a number that is none, can be neither stored nor sent") from None
        return given


def _deeper(given: object, left: int) -> bool:
    inner = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    return left < 0 or any(_deeper(each, left - 1) for each in inner)
