"""What is sent to us as JSON."""

import json

from pydantic import BaseModel, ConfigDict, model_validator

from core.nesting import DEEPEST, too_deep


class Body(BaseModel):
    """A field that we do not know is a mistake of the caller, who is told instead of being ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, given: object) -> object:
        # Python reads more than JSON can say: neither Postgres nor an answer of ours can hold it.
        if too_deep(given):
            raise ValueError(f"nothing may be nested deeper than {DEEPEST} times")
        try:
            json.dumps(given, ensure_ascii=False, allow_nan=False, default=str).encode()
        except ValueError:
            raise ValueError("half of a character, or a number that is none, can be neither stored nor sent") from None
        return given
