"""How long an attempt to log in has to wait. Pure.

Guessing is slowed where it comes from, never at the account: whoever wants to keep an admin out can only slow down
themselves. Failures are counted for each pair of origin and account. An origin is a network address, or a browser
that logged in to that very account before and proves it with a signed cookie; such a browser has a count of its own,
so that not even an attacker behind the same address delays it (OWASP, "Device cookies").
"""

import datetime as dt
import ipaddress
from dataclasses import dataclass

from core.queries.login_failures import Failures

# Typing errors cost nothing; from the third failure on the wait doubles: 1 s, 2 s, 4 s … 15 min.
FREE = 3
LONGEST = dt.timedelta(minutes=15)
# One address trying many names: twenty failures with no pause of fifteen minutes between them.
ADDRESS_LIMIT = 20
ADDRESS_PAUSE = dt.timedelta(minutes=15)
# After a day without a failure the count begins anew.
FORGOTTEN = dt.timedelta(days=1)

NOTHING = dt.timedelta()


@dataclass(frozen=True)
class Origin:
    """Where an attempt comes from. `device`: the id of a browser known to the account, or None."""

    address: str
    device: str | None = None

    @property
    def key(self) -> str:
        return f"device {self.device}" if self.device else neighbourhood(self.address)


def wait(pair: Failures, address: Failures | None, now: dt.datetime) -> dt.timedelta:
    """How long until the next attempt may be made; zero: now.

    `pair`: failures of this account from this origin; `address`: of the address as a whole, None for a known browser.
    """
    pause = delay(pair.count)
    # Without a pause there is no wait either, not even for an attempt that began before the last failure was counted.
    until = pair.last_at + pause if pause else now
    return max(until - now, NOTHING if address is None else wait_of_all(address, now))


def wait_of_all(address: Failures, now: dt.datetime) -> dt.timedelta:
    """The same for the failures of an address as a whole."""
    return max(address.last_at + ADDRESS_PAUSE - now, NOTHING) if address.count >= ADDRESS_LIMIT else NOTHING


def delay(failures: int) -> dt.timedelta:
    """The pause after that many failures in a row."""
    if failures < FREE:
        return NOTHING
    # The exponent is capped before the power is taken: 2 to the number of a year's failures is no time.
    return min(dt.timedelta(seconds=2 ** min(failures - FREE, 20)), LONGEST)


def one_more(failures: Failures, forgotten: dt.timedelta, now: dt.datetime) -> Failures:
    """The count after another failure; it begins anew when the last was longer ago than `forgotten`."""
    before = failures.count if now - failures.last_at < forgotten else 0
    return Failures(before + 1, now)


def neighbourhood(address: str) -> str:
    """The address; of an IPv6 one its /64, which one customer has all of."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped) if ip.ipv4_mapped else str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
