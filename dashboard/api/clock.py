"""The time at which a request is carried out."""

import datetime as dt
from typing import Annotated

from fastapi import Depends


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


Now = Annotated[dt.datetime, Depends(_now)]
