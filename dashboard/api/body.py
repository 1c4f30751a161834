"""What is sent to us as JSON."""

from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """A field that we do not know is a mistake of the caller, who is told instead of being ignored."""

    model_config = ConfigDict(extra="forbid")
