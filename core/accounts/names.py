"""Names of accounts and tokens."""

import re

from core.errors import BadRequest

LONGEST = 64
# Narrow on purpose: it is shown on every page, written into the record and typed on the command line.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,62}[a-z0-9])?")


def account_name(given: str) -> str:
    """The name as it is stored, in lower case. Raises BadRequest when it may not be one."""
    name = normal(given)
    if not could_be_name(name):
        raise BadRequest(
            "A name has 1 to 64 letters, digits and . _ @ + - and begins and ends with a letter or a digit."
        )
    return name


def could_be_name(text: str) -> bool:
    """Whether an account could be called that."""
    return _NAME.fullmatch(text) is not None


def normal(given: str) -> str:
    """How a typed name is looked up: Otto and otto are one account."""
    return given.strip().casefold()
