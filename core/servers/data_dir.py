"""The data dir: held by one `signalist up` at a time, and where the others find the addresses of its servers."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.config import Settings
from core.errors import Conflict, ServerFailed


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """Makes the data dir if need be and holds it, alone, until the block or the process ends, however it ends.

    Yields its absolute path. Raises Conflict when another process holds it, ServerFailed when it cannot be written.
    """
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("a+")
    except OSError as error:
        raise ServerFailed(
            f"The data dir {folder} cannot be used: {error.strerror}. "
            "Mend that, or set SIGNALIST_DATA_DIR to a folder of yours."
        ) from error
    with lock:
        # The kernel gives it back when the process is gone, so that no kill leaves it behind.
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Conflict(
                f"Signalist already runs on the data dir {folder}, as process {lock.read().strip() or 'unknown'}: "
                "use that one, or set SIGNALIST_DATA_DIR and PORT for a second."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield folder


@contextmanager
def announced(settings: Settings, addresses: Mapping[str, str]) -> Iterator[None]:
    """Writes `addresses` where `Settings` looks for them, readable by our account alone, for the time of the block."""
    file = settings.servers_file
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:  # noqa: PTH123 - the mode
        json.dump(dict(addresses), out)
    fresh.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
