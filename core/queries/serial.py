"""The numbers that Postgres gives to rows."""

from typing import Annotated

from pydantic import Field

# As many as a bigint holds: an address may say anything.
Serial = Annotated[int, Field(ge=0, lt=2**63)]
