"""Passwords: Argon2id, off the event loop, one at a time."""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import BadRequest

# NIST SP 800-63B-4, 3.1.1: at least 15 characters where the password is the only factor; no rules of composition.
SHORTEST = 15
# Far above what anyone types; without a limit, hashing megabytes is an attack.
LONGEST = 1024

# RFC 9106, second recommended option (64 MiB, three passes), on one core: a hash takes about 0.15 s of it.
_hasher = PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1)
# One hash at a time: a flood of logins costs one core and 64 MiB, and neither the event loop nor the other cores.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="argon2")

T = TypeVar("T")


def acceptable(password: str, name: str) -> str:
    """The password, if it may be set for the account of that name. Raises BadRequest with the reason."""
    if len(password) < SHORTEST:
        raise BadRequest(f"The password is too short: {SHORTEST} characters at least, a few random words for example.")
    if len(password) > LONGEST:
        raise BadRequest(f"The password is too long: {LONGEST:,} characters at most.")
    if len(set(password.casefold().replace(name.casefold(), ""))) < 6:
        raise BadRequest("The password is too easy to guess: take a few random words.")
    return password


def invented() -> str:
    """A random password of 120 bits."""
    return secrets.token_urlsafe(15)


async def hashed(password: str) -> str:
    """The Argon2id hash, with its parameters and a random salt in it."""
    return await _run(partial(_hasher.hash, _octets(password)))


async def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password has that hash. For None, an unknown account, it is False after the same work."""
    return await _run(partial(_matches, password, password_hash))


def outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _matches(password: str, password_hash: str | None) -> bool:
    # Made in either case, or the first login with an unknown name would take longer than one with a known name.
    nobodys = _nobodys()
    try:
        same = _hasher.verify(password_hash or nobodys, _octets(password[:LONGEST]))
    except (VerificationError, InvalidHashError):
        return False
    return same and password_hash is not None and len(password) <= LONGEST


@cache
def _nobodys() -> str:
    return _hasher.hash(invented())


def _octets(password: str) -> bytes:
    # Keyboards differ in how they send é: as one character or as two.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


async def _run(work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_thread, work)
